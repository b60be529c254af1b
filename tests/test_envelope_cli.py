"""`kmslab encrypt`, `decrypt` and `rewrap`, as commands of their own process and in this one."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner
from envelope_session import master_key, opened_by_aws, sealed_by_aws
from serving_session import serving

from kmslab import Lab, child, cli, cli_files, envelope, project
from kmslab.envelope import Suite
from kmslab.envelope.headers import LONGEST_FRAME

LETTER = b"Dear reader, " * 100_000


@pytest.fixture
def state(tmp_path):
    return tmp_path / "lab"


@pytest.fixture
def arn(state):
    with Lab(path=state) as lab:
        return lab.client("kms").create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def letter(tmp_path):
    path = tmp_path / "letter"
    path.write_bytes(LETTER)
    return path


@pytest.fixture
def kmslab(state, arn, tmp_path, monkeypatch):
    """A function that runs a command on the lab in `state`: exit code and all that it said."""
    monkeypatch.chdir(tmp_path)

    def run(line, stdin=None):
        words = [word.replace("ARN", arn) for word in line.split()]
        answer = CliRunner().invoke(cli.main, [*words, "--state", str(state)], input=stdin)
        assert not answer.exception or isinstance(answer.exception, SystemExit), answer.exception
        return answer

    return run


def open_state(state, message, *context):
    with Lab(path=state) as lab:
        return envelope.decrypt(message, envelope.KmsDiscovery(lab.client("kms")), *context)


@pytest.mark.parametrize("suite", Suite)
def test_a_file_is_encrypted_and_comes_back(kmslab, state, letter, tmp_path, suite):
    code = kmslab(
        f"encrypt letter --key-id ARN --context a=1 --context b==2 --suite 0x{suite.value:04x}"
    )
    assert (code.exit_code, code.output) == (0, "")
    opened = open_state(state, (tmp_path / "letter.encrypted").read_bytes())
    assert opened.plaintext == LETTER
    assert opened.header.suite is suite
    assert opened.header.encryption_context.items() >= {"a": "1", "b": "=2"}.items()
    letter.unlink()
    assert kmslab("decrypt letter.encrypted --key-id ARN --context a=1").exit_code == 0
    assert letter.read_bytes() == LETTER


def test_several_files_go_into_a_directory_and_one_that_fails_stops_no_other(kmslab, tmp_path):
    for name in ("one", "two", "three"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "out").mkdir()
    told = kmslab("encrypt one absent two three --key-id ARN --output out")
    assert told.exit_code == 255
    assert "absent: " in told.output
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "one.encrypted",
        "three.encrypted",
        "two.encrypted",
    ]
    (out / "two.encrypted").write_bytes(b"\x02")
    told = kmslab("decrypt out/one.encrypted out/two.encrypted out/three.encrypted --discovery")
    assert told.exit_code == 1
    assert "out/two.encrypted: 2 bytes should follow, and 0 do" in told.output
    assert (out / "three").read_bytes() == b"three"


def test_standard_input_goes_to_standard_output(kmslab, state):
    sealed = kmslab("encrypt - --key-id ARN --frame-length 1000", stdin=LETTER)
    assert open_state(state, sealed.stdout_bytes).header.frame_length == 1000
    opened = kmslab("decrypt - --discovery --account 111122223333", stdin=sealed.stdout_bytes)
    assert opened.stdout_bytes == LETTER


def test_a_file_goes_to_standard_output_and_standard_input_to_a_file(kmslab, letter, tmp_path):
    sealed = kmslab("encrypt letter --key-id ARN --output -").stdout_bytes
    assert kmslab("decrypt - --key-id ARN --output back", stdin=sealed).exit_code == 0
    assert (tmp_path / "back").read_bytes() == LETTER
    told = kmslab("decrypt - --key-id ARN --output back", stdin=sealed)
    assert told.exit_code == 255
    assert "back exists already" in told.output


def test_nothing_is_overwritten_without_force(kmslab, letter, tmp_path):
    assert kmslab("encrypt letter --key-id ARN").exit_code == 0
    before = (tmp_path / "letter.encrypted").read_bytes()
    told = kmslab("encrypt letter --key-id ARN")
    assert told.exit_code == 255
    assert "letter.encrypted exists already" in told.output
    assert (tmp_path / "letter.encrypted").read_bytes() == before
    assert kmslab("encrypt letter --key-id ARN --force --no-flush").exit_code == 0
    assert (tmp_path / "letter.encrypted").read_bytes() != before


def test_required_pairs_have_to_be_given_to_open(kmslab, letter, tmp_path):
    assert kmslab("encrypt letter --key-id ARN --context t=7 --require t").exit_code == 0
    assert kmslab("decrypt letter.encrypted --key-id ARN --output back").exit_code == 1
    assert not (tmp_path / "back").exists()
    assert (
        kmslab("decrypt letter.encrypted --key-id ARN --output back --context t=7").exit_code == 0
    )


def test_a_file_is_rewrapped_in_its_place(kmslab, state, letter, tmp_path):
    with Lab(path=state) as lab:
        new_arn = lab.client("kms").create_key()["KeyMetadata"]["Arn"]
    assert kmslab("encrypt letter --key-id ARN --frame-length 4096").exit_code == 0
    message = (tmp_path / "letter.encrypted").read_bytes()
    told = kmslab(f"rewrap letter.encrypted --in-place --key-id {new_arn} --from-key-id ARN")
    assert (told.exit_code, told.output) == (0, "")
    renewed = (tmp_path / "letter.encrypted").read_bytes()
    then, now = (open_state(state, each).header for each in (message, renewed))
    assert renewed[now.size :] == message[then.size :]
    assert now.encrypted_data_keys[0].key_info.decode() == new_arn
    back = kmslab("rewrap letter.encrypted --output other --key-id ARN --discovery")
    assert back.exit_code == 0
    assert open_state(state, (tmp_path / "other").read_bytes()).plaintext == LETTER


def test_a_signed_file_is_not_rewrapped_and_stays(kmslab, letter, tmp_path):
    assert kmslab("encrypt letter --key-id ARN --suite 0x0578").exit_code == 0
    before = (tmp_path / "letter.encrypted").read_bytes()
    told = kmslab("rewrap letter.encrypted --in-place --key-id ARN --discovery")
    assert told.exit_code == 1
    assert "a signed message cannot be rewrapped" in told.output
    assert (tmp_path / "letter.encrypted").read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="needs a terminal of POSIX")
def test_a_terminal_sees_a_bar_and_a_pipe_sees_nothing(state, arn, letter, tmp_path):
    import termios

    terminal, other_end = os.openpty()
    termios.tcsetwinsize(other_end, (24, 80))
    os.set_blocking(terminal, False)
    command = [sys.executable, "-m", "kmslab", "encrypt", "letter", "--key-id", arn]
    told = subprocess.run(
        [*command, "--state", state],
        stderr=other_end,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env=child.clean_environment(),
    )
    assert (told.returncode, told.stdout) == (0, b"")
    seen = os.read(terminal, 100_000).decode()
    os.close(other_end)
    os.close(terminal)
    assert "letter:" in seen
    assert "1.30M" in seen


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("encrypt letter", "Missing option '--key-id'"),
        ("encrypt --key-id ARN", "Missing argument 'FILE...'"),
        ("encrypt letter --key-id ARN --context a", "NAME=VALUE"),
        ("encrypt letter --key-id ARN --context =a", "NAME=VALUE"),
        ("encrypt letter --key-id ARN --context a=1 --context a=2", "each name once"),
        (
            "encrypt letter --key-id ARN --context aws-crypto-a=1",
            "must not start with 'aws-crypto-'",
        ),
        ("encrypt letter --key-id ARN --context a=\udcff", "surrogates not allowed"),
        ("encrypt letter --key-id ARN --require x", "not in the encryption context: x"),
        ("encrypt letter --key-id ARN --suite 0x0014", "Invalid value for '--suite'"),
        ("encrypt letter --key-id ARN --frame-length 0", "Invalid value for '--frame-length'"),
        ("encrypt letter --key-id ARN --frame-length 2147483648", "'--frame-length'"),
        ("encrypt letter letter --key-id ARN --output one", "for several files --output"),
        ("encrypt letter - --key-id ARN", "standard input comes alone"),
        ("decrypt letter", "say what may open it: --key-id, or --discovery"),
        ("decrypt letter --key-id ARN --discovery", "say what may open it"),
        ("decrypt letter --key-id ARN --account 111122223333", "say what may open it"),
        ("decrypt letter --discovery --account 1", "an account has 12 digits"),
        ("decrypt letter --key-id ARN --context a=\udcff", "surrogates not allowed"),
        ("decrypt letter --key-id ARN --frame-limit 0", "Invalid value for '--frame-limit'"),
        ("decrypt letter --key-id ARN --frame-limit -1", "Invalid value for '--frame-limit'"),
        ("rewrap letter --key-id ARN --discovery", "either --in-place or --output"),
        ("rewrap letter --key-id ARN --discovery --in-place --output x", "either --in-place"),
        ("rewrap letter --key-id ARN --in-place", "--from-key-id, or --discovery"),
        ("rewrap letter --key-id ARN --in-place --discovery --context a=\udcff", "surrogates"),
    ],
)
def test_misuse_is_told_in_words(kmslab, letter, tmp_path, line, words):
    told = kmslab(line)
    assert told.exit_code == 2
    assert words in told.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lab", "letter"]


def test_frames_may_be_as_long_as_the_format_has_them_and_readers_limit_them(
    kmslab, letter, tmp_path
):
    assert cli_files.LONGEST_FRAME == LONGEST_FRAME
    assert kmslab(f"encrypt letter --key-id ARN --frame-length {LONGEST_FRAME}").exit_code == 0
    line = "decrypt letter.encrypted --key-id ARN --output back --frame-limit"
    told = kmslab(f"{line} {LONGEST_FRAME - 1}")
    assert told.exit_code == 1
    assert f"where {LONGEST_FRAME - 1} are allowed" in told.output
    assert kmslab(f"{line} {LONGEST_FRAME}").exit_code == 0
    assert (tmp_path / "back").read_bytes() == LETTER


def test_a_lab_that_is_not_there_or_held_is_not_asked(kmslab, state, letter, tmp_path):
    line = ["encrypt", "letter", "--key-id", "alias/x", "--state"]
    told = CliRunner().invoke(cli.main, [*line, str(tmp_path / "absent")])
    assert told.exit_code == 2
    assert not (tmp_path / "absent").exists()
    with Lab(path=state):
        told = CliRunner().invoke(cli.main, [*line, str(state)])
    assert told.exit_code == 255
    assert "Traceback" not in told.output


def test_kms_s_refusal_is_told(kmslab, letter):
    told = kmslab("encrypt letter --key-id alias/nobody")
    assert told.exit_code == 255
    assert "NotFoundException" in told.output


def test_the_commands_work_in_a_plain_installation(kmslab, letter, monkeypatch, tmp_path):
    monkeypatch.setattr(project, "PYPROJECT", tmp_path / "absent")
    assert kmslab("encrypt letter --key-id ARN").exit_code == 0


def test_a_served_lab_is_found_as_boto3_finds_it_and_aws_opens_the_file(letter, tmp_path):
    with serving() as server:
        kms = server.client("kms")
        arn = kms.create_key()["KeyMetadata"]["Arn"]
        environment = {**child.clean_environment(), "AWS_ENDPOINT_URL_KMS": server.address}
        environment |= {
            name: server.exports[name]
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
        }
        environment["AWS_CONFIG_FILE"] = environment["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull

        def run(*words):
            command = [sys.executable, "-m", "kmslab", *words]
            return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True)

        told = run("encrypt", "letter", "--key-id", arn, "--context", "file=letter")
        assert (told.returncode, told.stdout, told.stderr) == (0, b"", b"")
        message = (tmp_path / "letter.encrypted").read_bytes()
        assert opened_by_aws(message, master_key(kms, arn)) == LETTER
        theirs = sealed_by_aws(LETTER, master_key(kms, arn), Suite.SIGNED, 4096)
        (tmp_path / "theirs").write_bytes(theirs)
        told = run("decrypt", "theirs", "--discovery", "--output", "-")
        assert (told.returncode, told.stdout) == (0, LETTER)
        told = run("decrypt", "theirs", "--key-id", arn, "--context", "file=letter")
        assert told.returncode == 1
        assert b"theirs: no wrapping key opens this message" in told.stderr
