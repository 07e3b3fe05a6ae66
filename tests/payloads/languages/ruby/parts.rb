require_relative "helper"
puts word
