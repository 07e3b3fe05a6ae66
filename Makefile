# An index of the everyday commands; CMake and the scripts do the work.

.PHONY: help build test quick asan tsan tidy fuzz format bench image run doctor release clean

help:
	@echo "build    the development build, with unit tests"
	@echo "test     everything (./test); 'quick' is unit tests and the contract suite"
	@echo "asan     unit, contract and security tests under AddressSanitizer and UBSan"
	@echo "tsan     the threads of engine and net under ThreadSanitizer"
	@echo "tidy     static analysis of what changed"
	@echo "fuzz     generated input for every parser, 20 seconds each (scripts/fuzz.sh)"
	@echo "format   lays out every C++ file"
	@echo "bench    measures the release build"
	@echo "image    builds the default image"
	@echo "run      starts the server (./run)"
	@echo "doctor   says what this machine lacks"

build:
	scripts/setup.sh build run test
	@test -f build/dev/build.ninja || cmake --preset dev
	cmake --build --preset dev

release:
	scripts/setup.sh build run
	@test -f build/release/build.ninja || cmake --preset release
	cmake --build --preset release

test:
	./test

quick:
	./test --quick

asan tsan tidy:
	./test $@

fuzz:
	scripts/fuzz.sh

format:
	git ls-files --cached --others --exclude-standard -- 'src/*.cpp' 'src/*.h' 'fuzz/*.cpp' 'fuzz/*.h' | xargs clang-format-19 -i

bench: release
	bench/run.py

image: release
	build/release/src/bin/cloister image build

run:
	./run

doctor: release
	build/release/src/bin/cloister doctor

clean:
	rm -rf build
