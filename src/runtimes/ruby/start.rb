# Runs /program/main.rb as the file main.rb of the working directory: that is where `require_relative`
# looks and __dir__ points to, and where messages say an error is.
text = File.read('/program/main.rb', encoding: 'UTF-8')
name = File.join(Dir.pwd, 'main.rb')
code, data = text.split(/^__END__\r?\n/, 2)
if data
  require 'stringio'
  DATA = StringIO.new(data)
end
$0 = name
RubyVM::InstructionSequence.compile(code, name, name).eval
