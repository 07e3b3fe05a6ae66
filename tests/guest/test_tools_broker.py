"""Shell scripts with tools: src/runtimes/bash/tools_broker.py."""

from harness.tool_process import run_script


def echo(value):
    return value


def test_a_call_prints_compact_json(tmp_path):
    ended = run_script(tmp_path, """get_weather '{"city": "Oslo"}'""", {"get-weather": echo})
    assert (ended.status, ended.stdout, ended.stderr) == (0, '{"city":"Oslo"}\n', "")
    assert ended.batches == [[("get-weather", {"city": "Oslo"})]]


def test_background_jobs_are_one_batch(tmp_path):
    script = (
        'for i in $(seq 25); do f "{\\"i\\": $i}" >out.$i & done; wait; cat out.* | sort | wc -l'
    )
    ended = run_script(tmp_path, script, {"f": echo})
    assert ended.stdout == "25\n", ended.stderr
    assert [len(batch) for batch in ended.batches] == [25]


def test_a_prefix_that_does_nothing_is_harmless(tmp_path):
    ended = run_script(tmp_path, ": & wait\nf '{}'\nf", {"f": echo})
    assert ended.stdout == "{}\n{}\n" and [len(batch) for batch in ended.batches] == [1, 1]


def test_an_error_is_a_status_and_a_message(tmp_path):
    def fail(_):
        raise ValueError("no such city")

    ended = run_script(
        tmp_path, "f '{}' || echo status $?\nset -e\nf '{}'\necho never", {"f": fail}
    )
    assert (ended.status, ended.stdout) == (1, "status 1\n")
    assert ended.stderr == "no such city\nno such city\n"


def test_an_argument_that_is_no_json_is_refused_at_once(tmp_path):
    ended = run_script(tmp_path, "f '{bad'; echo $?; f 5; echo $?", {"f": echo})
    assert ended.stdout == "1\n1\n" and ended.batches == []
    assert "the argument is not JSON" in ended.stderr


def test_results_of_all_kinds(tmp_path):
    results = iter(["text", '{"a": [1, 2]}', 5, None, "ä\n"])
    ended = run_script(tmp_path, "for i in 1 2 3 4 5; do f; done", {"f": lambda _: next(results)})
    assert ended.stdout.splitlines() == ['"text"', '{"a":[1,2]}', "5", "null", '"ä\\n"']


def test_arguments_larger_than_a_pipe(tmp_path):
    script = 'big=$(head -c 300000 /dev/zero | tr "\\0" x)\nf "{\\"t\\": \\"$big\\"}" | wc -c'
    ended = run_script(tmp_path, script, {"f": echo})
    assert ended.stdout.strip() == str(300000 + len('{"t":""}\n')), ended.stderr


def test_functions_reach_other_shells_and_pipelines(tmp_path):
    script = (
        'seq 3 | xargs -P 3 -I{} bash -c \'f "{\\"i\\": {}}"\' | sort\n'
        'printf \'1\\n2\\n\' | while read -r n; do f "{\\"n\\": $n}"; done\n'
        'x=$(f \'{"in": "substitution"}\'); echo "$x"'
    )
    ended = run_script(tmp_path, script, {"f": echo})
    expected = ['{"i":1}', '{"i":2}', '{"i":3}', '{"n":1}', '{"n":2}', '{"in":"substitution"}']
    assert ended.stdout.splitlines() == expected, ended.stderr
    assert [len(batch) for batch in ended.batches] == [3, 1, 1, 1]


def test_a_process_that_sleeps_does_not_hold_a_call_back(tmp_path):
    ended = run_script(tmp_path, "sleep 60 & f '{}'; kill %1", {"f": echo})
    assert ended.stdout == "{}\n"


def test_a_process_that_computes_does_not_hold_a_call_back_for_ever(tmp_path):
    ended = run_script(tmp_path, "(while :; do :; done) & f '{}'; kill %1", {"f": echo})
    assert ended.stdout == "{}\n" and len(ended.batches) == 1


def test_strict_options_of_a_script(tmp_path):
    script = 'set -Eeuo pipefail; set -C; shopt -s failglob; IFS=,\nf \'{"a": "*"}\'\necho $-'
    ended = run_script(tmp_path, script, {"f": echo})
    assert ended.stdout.startswith('{"a":"*"}\n') and ended.status == 0, ended.stderr


def test_function_names(tmp_path):
    names = ["x.y", "a b", "1x", "for", "git-log", "read"]
    script = "x_y; a_b; _1x; for_tool; git_log; read; compgen -A function | sort | tr '\\n' ' '"
    ended = run_script(tmp_path, script, {name: lambda _: 1 for name in names})
    assert [call[0] for batch in ended.batches for call in batch] == names, ended.stderr


def test_status_arguments_and_input(tmp_path):
    script = 'read -r line; echo "$# $2 $line"; f; exit 7'
    ended = run_script(tmp_path, script, {"f": echo}, arguments=["a", "b c"], stdin="hello\n")
    assert (ended.status, ended.stdout) == (7, "2 b c hello\n{}\n")
    assert run_script(tmp_path, "kill -TERM $$", {"f": echo}).status == 128 + 15


def test_messages_have_the_lines_of_the_script(tmp_path):
    ended = run_script(tmp_path, "\n\nno_such_command", {"f": echo})
    assert ended.status == 127 and "main.sh: line 3: no_such_command" in ended.stderr


def test_the_broker_is_not_seen_in_the_workspace(tmp_path):
    assert run_script(tmp_path, "ls -A; yes | head -1", {"f": echo}).stdout == "y\n"


def test_a_script_ends_with_its_shell(tmp_path):
    ended = run_script(tmp_path, "exec >&- 2>&-; sleep 60 & f '{}' &\nexit 3", {"f": echo})
    assert ended.status == 3
