"""Runs a program whose functions are answered by the client: programmatic tool calling.

`run()` is called in place of an ordinary run. Each tool is an async function; the program may await at
its top level. Calls go through the channel, a SOCK_SEQPACKET socket on descriptor 3, and never before
the event loop is about to wait: by then every call that can be made at once has been made, and they go
out as one batch. One batch is under way at a time; what is called meanwhile is the next one.
"""

import ast
import dataclasses
import importlib.util
import inspect
import json
import keyword
import os
import sys
import threading
import types
import typing

DESCRIPTOR = 3
MORE, LAST = b"C", b"E"
PART_BYTES = 65535
TYPING_NAMES = (
    "Any Awaitable Callable Coroutine Dict FrozenSet Generator Iterable Iterator List Literal Mapping "
    "NamedTuple Optional Sequence Set Tuple Type TypedDict TypeVar Union"
).split()
# Under these names programs use modules without importing them. They are loaded when they are used.
LAZY_MODULES = {"asyncio": "asyncio", "pd": "pandas", "np": "numpy"}


class ToolExecutionError(Exception):
    """A tool has failed; the text is what it says."""


class Channel:
    """Messages of JSON to the server and back. A message is one or more datagrams."""

    def send(self, text):
        # What the program has printed so far comes before its calls.
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
        data = text.encode("utf-8")
        for at in range(0, len(data), PART_BYTES):
            tag = LAST if at + PART_BYTES >= len(data) else MORE
            os.write(DESCRIPTOR, tag + data[at : at + PART_BYTES])

    def receive(self):
        parts = []
        while True:
            datagram = os.read(DESCRIPTOR, PART_BYTES + 1)
            if not datagram:
                raise ToolExecutionError("the client has ended the program")
            parts.append(datagram[1:])
            if datagram[:1] == LAST:
                return json.loads(b"".join(parts))

    def send_calls(self, calls):
        """`calls`: triples of number, name and the input as JSON text."""
        parts = (
            f'{{"id":{number},"name":{json.dumps(name)},"input":{text}}}'
            for number, name, text in calls
        )
        self.send(f'{{"calls":[{",".join(parts)}]}}')

    def receive_results(self):
        """By number of the call: its value and None, or None and an error message."""
        results = {}
        for one in self.receive()["results"]:
            if one.get("is_error"):
                message = one.get("error_message") or one.get("result") or "the tool has failed"
                results[one["id"]] = None, (
                    message if isinstance(message, str) else json.dumps(message)
                )
            else:
                results[one["id"]] = value_of(one.get("result")), None
        return results


def value_of(result):
    """A text that is JSON is what it says."""
    if not isinstance(result, str):
        return result
    try:
        return json.loads(result, parse_constant=refuse_constant)
    except ValueError:
        return result


def refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


def plain(value):
    """What stands for a value that JSON does not know."""
    for method in ("tolist", "isoformat", "__fspath__", "model_dump"):
        if hasattr(value, method) and not isinstance(value, type):
            return getattr(value, method)()
    if isinstance(value, (set, frozenset)):
        return list(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(f"a {type(value).__name__} cannot be an argument of a tool")


def to_json(value):
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=plain)
    text.encode("utf-8")  # Half of a pair of surrogates is no text, for the one who made it to see.
    return text


class Call:
    def __init__(self, number, name, text, loop):
        self.number, self.name, self.text, self.loop = number, name, text, loop
        self.future = loop.create_future()

    def finish(self, value, error):
        if self.future.done():
            return  # Nobody waits for it any more.
        if error is None:
            self.future.set_result(value)
        else:
            self.future.set_exception(ToolExecutionError(error))


class Caller:
    """Batches the calls of all event loops of the process. Thread safe."""

    def __init__(self, channel):
        self.channel = channel
        self.lock = threading.Lock()
        self.count = 0
        self.unsent = []
        self.under_way = {}  # By number.
        self.reader = None  # The loop that waits for the results.

    async def call(self, name, text):
        import asyncio

        loop = asyncio.get_running_loop()
        self.attach(loop)
        with self.lock:
            self.count += 1
            call = Call(self.count, name, text, loop)
            self.unsent.append(call)
        return await call.future

    def attach(self, loop):
        """Lets the loop send what is called before it waits."""
        selector = loop._selector
        if "select" in vars(selector):
            return
        wait = selector.select

        def select(timeout=None):
            if timeout is None or timeout > 0:
                self.before_waiting(loop)
            return wait(timeout)

        selector.select = select

    def before_waiting(self, loop):
        with self.lock:
            self.unsent = [call for call in self.unsent if not call.future.cancelled()]
            if self.unsent and not self.under_way:
                self.under_way = {call.number: call for call in self.unsent}
                self.channel.send_calls((c.number, c.name, c.text) for c in self.unsent)
                self.unsent = []
            if self.under_way and (self.reader is None or not self.reader.is_running()):
                self.reader = loop
                loop.add_reader(DESCRIPTOR, self.read, loop)

    def read(self, here):
        here.remove_reader(DESCRIPTOR)
        with self.lock:
            self.reader = None
            calls, self.under_way = self.under_way, {}
            try:
                results = self.channel.receive_results()
            except ToolExecutionError as error:
                results = dict.fromkeys(calls, (None, str(error)))
        for number, call in calls.items():
            result = results.get(number, (None, "the tool gave no result"))
            if call.loop is here:
                call.finish(*result)
            else:
                in_loop(call.loop, call.finish, *result)
        with self.lock:
            # These wait in other threads already; woken up, they send what they have.
            others = {call.loop for call in self.unsent} - {here}
        for loop in others:
            in_loop(loop, lambda: None)


def in_loop(loop, function, *args):
    """Calls a function in a loop of another thread, unless that loop has ended."""
    try:
        loop.call_soon_threadsafe(function, *args)
    except RuntimeError:
        if not loop.is_closed():
            raise


def identifier(name, is_reserved=keyword.iskeyword):
    """The function name of a tool."""
    name = "".join("_" if c == "-" or c.isspace() else c for c in name)
    name = "".join(c for c in name if c.isascii() and (c.isalnum() or c == "_"))
    if name[:1].isdigit():
        name = f"_{name}"
    return f"{name}_tool" if not name or is_reserved(name) else name


def unique(name, taken):
    number = 1
    candidate = name
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    return candidate


def signature_of(schema):
    """The parameters, those first that have to be given, and the original names of them."""
    properties = schema.get("properties") or {}
    required = set(schema.get("required") or ())
    names, parameters = {}, []
    for original in sorted(properties, key=lambda name: name not in required):
        name = unique(identifier(original), names)
        names[name] = original
        default = inspect.Parameter.empty if original in required else None
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters.append(inspect.Parameter(name, kind, default=default))
    if schema.get("additionalProperties", not properties):
        rest = inspect.Parameter(unique("rest", names), inspect.Parameter.VAR_KEYWORD)
        parameters.append(rest)
    return inspect.Signature(parameters), names


def make_function(definition, name, caller):
    signature, names = signature_of(definition.get("parameters") or {})
    by_original = {original: name for name, original in names.items()}

    async def function(*args, **kwargs):
        kwargs = {by_original.get(key, key): value for key, value in kwargs.items()}
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"{name}(): {error}") from None
        for key, parameter in signature.parameters.items():
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                given |= given.pop(key, {})
        values = {names.get(key, key): value for key, value in given.items() if value is not None}
        return await caller.call(definition["name"], to_json(values))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = definition.get("description")
    function.__signature__ = signature
    function.__module__ = "__main__"
    return function


class LazyModule(types.ModuleType):
    """Stands for a module until it is used."""

    def __init__(self, alias, name, namespace):
        super().__init__(name)
        self.__dict__["_place"] = alias, namespace

    def __getattr__(self, attribute):
        module = importlib.import_module(self.__name__)
        alias, namespace = self._place
        if namespace.get(alias) is self:
            namespace[alias] = module
        return getattr(module, attribute)


def bind_names(namespace, definitions, caller):
    for alias, name in LAZY_MODULES.items():
        if name in sys.modules:
            namespace[alias] = sys.modules[name]
        elif importlib.util.find_spec(name) is not None:
            namespace[alias] = LazyModule(alias, name, namespace)
    namespace.update({name: getattr(typing, name) for name in TYPING_NAMES})
    namespace.update(json=json, os=os, sys=sys, ToolExecutionError=ToolExecutionError)
    taken = set()
    for definition in definitions:
        name = unique(identifier(definition["name"]), taken)
        taken.add(name)
        namespace[name] = make_function(definition, name, caller)


def program_frames(traceback, path):
    """The part that is the program's: from its first line on, without frames of this file."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename != path:
        traceback = traceback.tb_next
    last = traceback
    while last is not None and last.tb_next is not None:
        if last.tb_next.tb_frame.f_code.co_filename == __file__:
            last.tb_next = last.tb_next.tb_next
        else:
            last = last.tb_next
    return traceback


def show(error, traceback):
    error.__traceback__ = traceback
    sys.excepthook(type(error), error, traceback)


def exit_status(code):
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def execute(code, namespace):
    if code.co_flags & inspect.CO_COROUTINE:
        import asyncio

        asyncio.run(eval(code, namespace))
    else:
        exec(code, namespace)


# What the program under way was given, for a program that reads the channel itself.
class Current:
    text = ""
    definitions = ()
    channel = None


def run(text, tools_json, main_module, path):
    """Runs the text as the main module, and gives its exit status."""
    Current.text, Current.definitions = text, json.loads(tools_json)["tools"]
    Current.channel = Channel()
    namespace = main_module.__dict__
    bind_names(namespace, Current.definitions, Caller(Current.channel))
    try:
        code = compile(text, path, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except BaseException as error:
        show(error, None)
        return 1
    try:
        execute(code, namespace)
    except SystemExit as error:
        return exit_status(error.code)
    except BaseException as error:
        show(error, program_frames(error.__traceback__, path))
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0
