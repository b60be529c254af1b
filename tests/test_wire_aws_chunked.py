"""Bodies of requests to S3: what is unwrapped, and each refusal.

Chunks are botocore's own, those of AWS's documentation, or signed here as that says (S3 API
Reference, "Transferring payload in multiple chunks", "Trailing headers").
"""

import hashlib
import hmac
import io
from typing import NamedTuple

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kmslab.errors import ServiceError
from kmslab.store.iam_records import AccessKey
from kmslab.wire import aws_chunked, s3_signature
from kmslab.wire.message import Request
from kmslab.wire.s3_signature import Verified
from kmslab.wire.signing import ChunkSigner, Scope, signing_key

UNSIGNED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SCOPE = Scope("AKIAIOSFODNN7EXAMPLE", "20130524", "us-east-1", "s3", "aws4_request")
TIMESTAMP = "20130524T000000Z"
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
TRAILER_SEED = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
EMPTY = hashlib.sha256(b"").hexdigest()
MEBIBYTE = 1024 * 1024

CUT_OFF = (400, "IncompleteBody", "The request body terminated unexpectedly")
WRONG_LENGTH = (
    400,
    "IncompleteBody",
    "You did not provide the number of bytes specified by the Content-Length HTTP header",
)
DIFFERS = (
    403,
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your "
    "key and signing method.",
)
BAD_TRAILER = (
    400,
    "MalformedTrailerError",
    "The request contained trailing data that was not well-formed or did not conform to our "
    "published schema.",
)


class Dribble:
    """A stream that gives out a few bytes at a time, as a network does."""

    def __init__(self, whole, *sizes):
        self._rest, self._sizes, self._turn = io.BytesIO(whole), sizes, 0
        self.closed = False

    def read(self, size=-1, /):
        most = self._sizes[self._turn % len(self._sizes)]
        self._turn += 1
        return self._rest.read(min(most, size) if size >= 0 else most)

    def close(self):
        self.closed = True


def signer(seed=SEED):
    return ChunkSigner(seed, signing_key(SECRET, *SCOPE[1:4]), TIMESTAMP, SCOPE)


def body(travelled, payload_hash, *sizes, seed=SEED, **headers):
    """The body that a sender of `travelled` meant; headers with underscores."""
    named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    made = signer(seed) if payload_hash.startswith(SIGNED) else None
    stream = Dribble(travelled, *sizes) if sizes else io.BytesIO(travelled)
    return aws_chunked.decoded(stream, named, Verified(None, "", "", "", None, payload_hash, made))


def chunked(travelled, length, payload_hash=UNSIGNED, *sizes, **headers):
    return body(travelled, payload_hash, *sizes, x_amz_decoded_content_length=length, **headers)


def drained(stream, size=MEBIBYTE):
    return b"".join(iter(lambda: stream.read(size), b""))


def refusal(make):
    with pytest.raises(ServiceError) as caught:
        make()
    refused = caught.value
    return refused.status, refused.code, refused.message


def wrapped(content, size=MEBIBYTE, checksum=Crc32Checksum):
    """What botocore sends for `content`, and the checksum behind it."""
    wrapper = AwsChunkedWrapper(io.BytesIO(content), checksum, "x-amz-checksum-crc32", size)
    computed = Crc32Checksum()
    computed.update(content)
    return b"".join(wrapper), computed.b64digest()


# --- Signed as the documentation says -----------------------------------------------------


class Part(NamedTuple):
    """A chunk as it travels."""

    head: bytes
    content: bytes

    def __bytes__(self):
        return self.head + self.content + b"\r\n"


def _sign(kind, previous, *hashes):
    derived = f"AWS4{SECRET}".encode()
    for text in (*SCOPE[1:4], "aws4_request"):
        derived = hmac.digest(derived, text.encode(), "sha256")
    scope = "/".join(SCOPE[1:])
    text = "\n".join([f"AWS4-HMAC-SHA256-{kind}", TIMESTAMP, scope, previous, *hashes])
    return hmac.digest(derived, text.encode(), "sha256").hex()


def signed_parts(*contents, seed=SEED):
    """The chunks, an empty one behind them, and the last signature."""
    parts, signature = [], seed
    for content in (*contents, b""):
        signature = _sign("PAYLOAD", signature, EMPTY, hashlib.sha256(content).hexdigest())
        parts.append(
            Part(b"%x;chunk-signature=%s\r\n" % (len(content), signature.encode()), content)
        )
    return parts, signature


def signed(*contents):
    return b"".join(map(bytes, signed_parts(*contents)[0]))


def signed_with_trailers(*contents, trailers=(("x-amz-checksum-crc32c", "sOO8/Q=="),)):
    parts, signature = signed_parts(*contents, seed=TRAILER_SEED)
    text = "".join(f"{name}:{value}\n" for name, value in trailers).encode()
    signature = _sign("TRAILER", signature, hashlib.sha256(text).hexdigest())
    lines = [*trailers, ("x-amz-trailer-signature", signature)]
    last = "".join(f"{name}:{value}\r\n" for name, value in lines).encode()
    return b"".join(map(bytes, parts[:-1])) + parts[-1].head + last + b"\r\n"


SIGNED_TRAILER = {
    "payload_hash": f"{SIGNED}-TRAILER",
    "seed": TRAILER_SEED,
    "x_amz_trailer": "x-amz-checksum-crc32c",
}


def test_the_chunks_of_the_api_reference_are_let_in():
    parts, _ = signed_parts(b"a" * 65_536, b"a" * 1024)
    assert [part.head for part in parts] == [
        b"10000;chunk-signature="
        b"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n",
        b"400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n",
        b"0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n",
    ]
    travelled = b"".join(map(bytes, parts))
    assert len(travelled) == 66_824
    assert drained(chunked(travelled, 66_560, SIGNED)) == b"a" * 66_560


def test_the_trailers_of_the_api_reference_are_let_in():
    travelled = signed_with_trailers(b"a" * 65_536, b"a" * 1024)
    signature = b"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"
    assert travelled.endswith(b"x-amz-trailer-signature:" + signature + b"\r\n\r\n")
    stream = body(travelled, **SIGNED_TRAILER, x_amz_decoded_content_length=66_560)
    assert drained(stream) == b"a" * 66_560
    assert stream.trailers == {"x-amz-checksum-crc32c": "sOO8/Q=="}


def test_the_seed_comes_from_the_signature_of_the_request(monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1369353600.0)
    headers = {
        "host": "s3.amazonaws.com",
        "x-amz-date": TIMESTAMP,
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "x-amz-content-sha256": SIGNED,
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "66560",
        "content-length": "66824",
        "authorization": f"AWS4-HMAC-SHA256 Credential={'/'.join(SCOPE)},"
        "SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
        f"x-amz-decoded-content-length;x-amz-storage-class,Signature={SEED}",
    }
    request = Request("PUT", "/examplebucket/chunkObject.txt", "", headers, b"")
    access_key = AccessKey(SCOPE.access_key_id, SECRET, "111122223333", "alice")
    verified = s3_signature.verify(request, {access_key.access_key_id: access_key}.get)
    travelled = signed(b"a" * 65_536, b"a" * 1024)
    stream = aws_chunked.decoded(io.BytesIO(travelled), headers, verified)
    assert drained(stream) == b"a" * 66_560


# --- What botocore sends ------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 1023, MEBIBYTE, MEBIBYTE + 1, 3 * MEBIBYTE])
def test_what_botocore_wraps_is_unwrapped(size):
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    travelled, checksum = wrapped(content)
    stream = chunked(travelled, size, x_amz_trailer="x-amz-checksum-crc32")
    assert drained(stream) == content
    assert stream.trailers == {"x-amz-checksum-crc32": checksum}


def test_botocores_wrapper_may_be_the_stream_itself():
    content = b"x" * (2 * MEBIBYTE + 5)
    wrapper = AwsChunkedWrapper(io.BytesIO(content), Crc32Checksum, "x-amz-checksum-crc32")
    headers = {"x-amz-decoded-content-length": str(len(content))}
    headers["x-amz-trailer"] = "x-amz-checksum-crc32"
    stream = aws_chunked.decoded(wrapper, headers, Verified(payload_hash=UNSIGNED))
    assert drained(stream) == content


def test_without_trailers_there_are_none():
    travelled, _ = wrapped(b"content", checksum=None)
    stream = chunked(travelled, 7)
    assert drained(stream) == b"content"
    assert stream.trailers == {}


@pytest.mark.parametrize("encoding", ["aws-chunked", "gzip, AWS-Chunked", "aws-chunked,gzip"])
@pytest.mark.parametrize("payload_hash", ["", "UNSIGNED-PAYLOAD"])
def test_the_content_encoding_says_it_as_well(encoding, payload_hash):
    travelled, _ = wrapped(b"content", checksum=None)
    assert drained(chunked(travelled, 7, payload_hash, content_encoding=encoding)) == b"content"


@pytest.mark.parametrize("content", [b"content", b"other!!"])
def test_a_hash_of_what_travels_may_be_of_chunks(content):
    expected = hashlib.sha256(wrapped(b"content", checksum=None)[0]).hexdigest()
    travelled, _ = wrapped(content, checksum=None)
    stream = chunked(travelled, 7, expected, content_encoding="aws-chunked")
    if content == b"content":
        assert drained(stream) == content
    else:
        assert refusal(lambda: drained(stream))[1] == "XAmzContentSHA256Mismatch"


def test_trailers_are_there_with_the_last_byte():
    travelled, checksum = wrapped(b"content")
    stream = chunked(travelled, 7, x_amz_trailer="x-amz-checksum-crc32")
    read = b""
    while len(read) < 7:
        assert stream.trailers == {}
        read += stream.read(7 - len(read))
    assert stream.trailers == {"x-amz-checksum-crc32": checksum}


@pytest.mark.parametrize(
    "behind", [b"x-a:1\r\n\r\n", b"x-a:1\r\n", b"\r\nx-a:1\r\n", b"X-A: 1\n\r\n\r\n"]
)
def test_trailers_are_read_as_several_sdks_write_them(behind):
    stream = chunked(b"1\r\nx\r\n0\r\n" + behind, 1, x_amz_trailer="X-A")
    assert drained(stream) == b"x"
    assert stream.trailers == {"x-a": "1"}


# --- However it is read -------------------------------------------------------------------

contents = st.lists(st.binary(min_size=1, max_size=300), max_size=5)
sizes = st.lists(st.integers(1, 200), min_size=1, max_size=4)


def read_in(stream, asked):
    pieces, turn = [], 0
    while piece := stream.read(asked[turn % len(asked)]):
        assert len(piece) <= asked[turn % len(asked)]
        pieces.append(piece)
        turn += 1
    assert stream.read(1) == stream.read() == b""
    return b"".join(pieces)


@given(contents=contents, arriving=sizes, asked=sizes)
@settings(max_examples=150, deadline=None)
def test_unsigned_chunks_hold_the_same_however_they_arrive_and_are_read(contents, arriving, asked):
    travelled = b"".join(b"%X\r\n%s\r\n" % (len(each), each) for each in contents)
    travelled += b"0\r\nx-a:1\r\n\r\n"
    whole = b"".join(contents)
    stream = chunked(travelled, len(whole), UNSIGNED, *arriving, x_amz_trailer="x-a")
    assert read_in(stream, asked) == whole
    assert stream.trailers == {"x-a": "1"}


@given(contents=contents, arriving=sizes, asked=sizes)
@settings(max_examples=100, deadline=None)
def test_signed_chunks_hold_the_same_however_they_arrive_and_are_read(contents, arriving, asked):
    whole = b"".join(contents)
    stream = chunked(signed(*contents), len(whole), SIGNED, *arriving)
    assert read_in(stream, asked) == whole


@given(content=st.binary(max_size=500), arriving=sizes, asked=sizes)
@settings(max_examples=60, deadline=None)
def test_plain_bodies_are_the_same_however_they_arrive_and_are_read(content, arriving, asked):
    expected = hashlib.sha256(content).hexdigest()
    stream = body(content, expected, *arriving, content_length=len(content))
    assert read_in(stream, asked) == content


@pytest.mark.parametrize("payload_hash", [UNSIGNED, "UNSIGNED-PAYLOAD", SIGNED])
def test_all_can_be_read_at_once_and_nothing_when_nothing_is_asked_for(payload_hash):
    travelled = {UNSIGNED: wrapped(b"content", 3, None)[0], SIGNED: signed(b"con", b"tent")}
    stream = body(
        travelled.get(payload_hash, b"content"),
        payload_hash,
        2,
        x_amz_decoded_content_length=7,
        content_length=7,
    )
    assert stream.read(0) == b""
    assert stream.read() == b"content"
    assert stream.read() == b""


@pytest.mark.parametrize("payload_hash", [UNSIGNED, "UNSIGNED-PAYLOAD", EMPTY])
def test_closing_a_body_closes_what_it_is_read_from(payload_hash):
    source = Dribble(b"", 1)
    headers = {"x-amz-decoded-content-length": "0"}
    aws_chunked.decoded(source, headers, Verified(payload_hash=payload_hash)).close()
    assert source.closed


class Counting(io.BytesIO):
    """A stream that counts its reads, and remembers what it gave out."""

    def __init__(self, whole):
        super().__init__(whole)
        self.given = []

    def read(self, size=-1, /):
        self.given.append(super().read(size))
        return self.given[-1]


def test_a_large_chunk_is_handed_on_as_it_is_read_without_being_copied():
    content = bytes(8 * MEBIBYTE)
    source = Counting(wrapped(content)[0])
    headers = {
        "x-amz-decoded-content-length": str(len(content)),
        "x-amz-trailer": "x-amz-checksum-crc32",
    }
    stream = aws_chunked.decoded(source, headers, Verified(payload_hash=UNSIGNED))
    large = [piece for piece in iter(lambda: stream.read(MEBIBYTE), b"") if len(piece) > 1024]
    handed_on = {id(piece) for piece in source.given}
    assert len(large) == 8
    assert all(id(piece) in handed_on for piece in large)
    assert len(source.given) < 30


# --- Refused: unsigned chunks -------------------------------------------------------------


@given(content=st.binary(max_size=60), data=st.data())
@settings(max_examples=80, deadline=None)
def test_a_body_that_was_cut_anywhere_is_refused(content, data):
    travelled, _ = wrapped(content, 7)
    # Behind a trailer an empty line says nothing more.
    cut = data.draw(st.integers(0, len(travelled) - 3))
    stream = chunked(travelled[:cut], len(content), x_amz_trailer="x-amz-checksum-crc32")
    assert refusal(lambda: drained(stream)) == CUT_OFF


@pytest.mark.parametrize("length", [6, 8, 0, 10**18])
def test_a_length_that_is_not_what_the_chunks_hold(length):
    travelled, _ = wrapped(b"content", checksum=None)
    assert refusal(lambda: drained(chunked(travelled, length))) == WRONG_LENGTH


def test_nothing_that_is_too_much_is_handed_on():
    stream = chunked(b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", 3)
    assert refusal(lambda: stream.read(100)) == WRONG_LENGTH


@pytest.mark.parametrize("length", [None, "", "x", "-1", "1.0", "²", "9" * 30])
def test_chunks_need_the_length_of_what_they_hold(length):
    headers = {} if length is None else {"x_amz_decoded_content_length": length}
    assert refusal(lambda: body(b"0\r\n\r\n", UNSIGNED, **headers)) == (
        411,
        "MissingContentLength",
        "You must provide the Content-Length HTTP header.",
    )


@pytest.mark.parametrize(
    "travelled",
    [
        b"content",
        b"7 \r\ncontent\r\n0\r\n\r\n",
        b"0x7\r\ncontent\r\n0\r\n\r\n",
        b"-7\r\ncontent\r\n0\r\n\r\n",
        b"\r\n7\r\ncontent\r\n0\r\n\r\n",
        b"7\ncontent\n0\n\n",
        b"7\r\ncontentx\r\n0\r\n\r\n",
        b"7\r\ncontent0\r\n\r\n",
        b"00000000000000007\r\ncontent\r\n0\r\n\r\n",
        b"7;" + b"x" * 5000 + b"\r\ncontent\r\n0\r\n\r\n",
    ],
)
def test_what_is_not_in_chunks(travelled):
    assert refusal(lambda: drained(chunked(travelled, 7))) == CUT_OFF


@pytest.mark.parametrize(
    ("announced", "behind"),
    [
        ("", b"x-a:1\r\n\r\n"),
        ("x-b", b"x-a:1\r\n\r\n"),
        ("x-a", b"\r\n"),
        ("x-a,x-b", b"x-a:1\r\n\r\n"),
        ("x-a", b"x-a:1\r\nx-a:1\r\n\r\n"),
        ("x-a", b"x-a\r\n\r\n"),
        ("x-a", b":1\r\n\r\n"),
        ("x-a", b"x-a:\xff\r\n\r\n"),
        ("x-a", b"x-a:1\r\n\r\nx-b:2\r\n\r\n"),
        ("x-a", b"x-a:1\r\nx-amz-trailer-signature:" + b"0" * 64 + b"\r\n\r\n"),
        ("x-a", b"x-a:" + b" " * 20_000 + b"1\r\n\r\n"),
    ],
)
def test_trailers_that_are_not_those_announced(announced, behind):
    stream = chunked(b"1\r\nx\r\n0\r\n" + behind, 1, x_amz_trailer=announced)
    assert refusal(lambda: drained(stream)) == BAD_TRAILER


def test_the_last_byte_is_not_handed_on_before_the_trailers_are_read():
    stream = chunked(b"3\r\nabc\r\n0\r\nx-b:1\r\n\r\n", 3, x_amz_trailer="x-a")
    read = stream.read(2)
    assert read in (b"a", b"ab")
    assert refusal(lambda: stream.read(3)) == BAD_TRAILER


@given(
    travelled=st.lists(
        st.binary(max_size=12)
        | st.sampled_from([b"\r\n", b"0", b"3\r\nabc\r\n", b"0\r\n\r\n", b"x-a:1\r\n", b";"])
    ).map(b"".join),
    payload_hash=st.sampled_from([UNSIGNED, SIGNED, f"{SIGNED}-TRAILER", EMPTY, ""]),
    length=st.sampled_from([0, 3, 6]),
    arriving=sizes,
)
@example(travelled=b"3\r\nabc\r\n0\r\n\r\n", payload_hash=UNSIGNED, length=3, arriving=[1])
@settings(max_examples=300, deadline=None)
def test_whatever_comes_is_the_body_or_refused(travelled, payload_hash, length, arriving):
    stream = chunked(travelled, length, payload_hash, *arriving, content_length=length)
    try:
        outcome = str(len(drained(stream, 5)))
    except ServiceError as refused:
        outcome = refused.code
    assert outcome in {
        str(length),
        "IncompleteBody",
        "SignatureDoesNotMatch",
        "MalformedTrailerError",
        "XAmzContentSHA256Mismatch",
    }


# --- Refused: signed chunks ---------------------------------------------------------------

THREE = (b"first" * 20, b"second" * 20, b"third" * 20)
WHOLE = b"".join(THREE)


def _flipped(travelled, place):
    return travelled[:place] + bytes([travelled[place] ^ 1]) + travelled[place + 1 :]


@pytest.mark.parametrize("content", THREE)
def test_a_chunk_that_was_changed_is_not_handed_on_but_those_before_it_are(content):
    travelled = signed(*THREE)
    changed = _flipped(travelled, travelled.index(content) + 3)
    stream, read = chunked(changed, len(WHOLE), SIGNED), []

    def read_all():
        while piece := stream.read(7):
            read.append(piece)

    assert refusal(read_all) == DIFFERS
    assert b"".join(read) == WHOLE[: WHOLE.index(content)]


@pytest.mark.parametrize("number", range(4))
def test_a_signature_that_was_changed(number):
    parts, _ = signed_parts(*THREE)
    head = _flipped(parts[number].head, parts[number].head.index(b"=") + 5)
    parts[number] = parts[number]._replace(head=head)
    stream = chunked(b"".join(map(bytes, parts)), len(WHOLE), SIGNED)
    assert refusal(lambda: drained(stream)) == DIFFERS


@pytest.mark.parametrize("number", range(4))
def test_a_chunk_without_its_signature(number):
    parts, _ = signed_parts(*THREE)
    head = parts[number].head.partition(b";")[0] + b"\r\n"
    parts[number] = parts[number]._replace(head=head)
    stream = chunked(b"".join(map(bytes, parts)), len(WHOLE), SIGNED)
    assert refusal(lambda: drained(stream)) == DIFFERS


@pytest.mark.parametrize("order", [(1, 0, 2, 3), (0, 2, 1, 3), (0, 0, 1, 2, 3), (1, 2, 3)])
def test_chunks_have_their_order(order):
    parts, _ = signed_parts(*THREE)
    travelled = b"".join(bytes(parts[number]) for number in order)
    length = sum(len(parts[number].content) for number in order)
    assert refusal(lambda: drained(chunked(travelled, length, SIGNED))) == DIFFERS


def test_chunks_that_were_signed_for_another_request():
    stream = chunked(signed(*THREE), len(WHOLE), SIGNED, seed=TRAILER_SEED)
    assert refusal(lambda: drained(stream)) == DIFFERS


def test_the_end_of_signed_chunks_is_signed():
    parts, _ = signed_parts(*THREE)
    shortened = b"".join(map(bytes, (parts[0], parts[3])))
    assert refusal(lambda: drained(chunked(shortened, len(THREE[0]), SIGNED))) == DIFFERS


def test_signed_chunks_of_16_mebibytes_are_taken_and_no_larger_ones():
    content = bytes(16 * MEBIBYTE)
    stream = chunked(signed(content), len(content), SIGNED)
    assert drained(stream) == content
    larger = chunked(signed(content + b"x"), len(content) + 1, SIGNED)
    assert refusal(lambda: larger.read(1))[1] == "EntityTooLarge"


@pytest.mark.parametrize("announced", ["", "x-a"])
def test_behind_signed_chunks_nothing_may_stand_that_is_not_signed(announced):
    travelled = signed(b"x").removesuffix(b"\r\n") + b"x-a:1\r\n\r\n"
    stream = chunked(travelled, 1, SIGNED, x_amz_trailer=announced)
    assert refusal(lambda: drained(stream)) == BAD_TRAILER


def _with_trailers(change):
    travelled = change(signed_with_trailers(*THREE))
    return body(travelled, **SIGNED_TRAILER, x_amz_decoded_content_length=len(WHOLE))


def test_signed_trailers_are_let_in():
    assert drained(_with_trailers(lambda travelled: travelled)) == WHOLE


@pytest.mark.parametrize("text", [b"sOO8", b"crc32c", b"trailer-signature:"])
def test_a_signed_trailer_that_was_changed(text):
    stream = _with_trailers(lambda travelled: _flipped(travelled, travelled.index(text)))
    assert refusal(lambda: drained(stream)) == DIFFERS


@pytest.mark.parametrize("kept", [0, 1])
def test_signed_trailers_need_their_signature(kept):
    def cut(travelled):
        start = travelled.index((b"x-amz-checksum", b"x-amz-trailer-signature")[kept])
        return travelled[:start] + b"\r\n"

    assert refusal(lambda: drained(_with_trailers(cut))) == DIFFERS


def test_a_signed_trailer_that_was_not_announced():
    travelled = signed_with_trailers(b"x", trailers=[("x-b", "1")])
    stream = body(travelled, **SIGNED_TRAILER, x_amz_decoded_content_length=1)
    assert refusal(lambda: drained(stream)) == BAD_TRAILER


# --- Refused: plain bodies ----------------------------------------------------------------


def plain(content, payload_hash="UNSIGNED-PAYLOAD", **headers):
    return body(content, payload_hash, **{"content_length": len(content), **headers})


@pytest.mark.parametrize("payload_hash", ["", "UNSIGNED-PAYLOAD"])
def test_a_body_of_which_nothing_is_said_passes_through(payload_hash):
    assert drained(plain(b"0\r\n\r\n", payload_hash)) == b"0\r\n\r\n"


def test_a_hash_may_be_written_in_capitals():
    assert drained(plain(b"x", hashlib.sha256(b"x").hexdigest().upper())) == b"x"


def test_a_hash_that_is_not_the_bodys():
    expected = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(ServiceError) as caught:
        drained(plain(b"content", expected))
    assert (caught.value.status, caught.value.code) == (400, "XAmzContentSHA256Mismatch")
    assert caught.value.message == (
        "The provided 'x-amz-content-sha256' header does not match what was computed."
    )
    assert caught.value.extras == {
        "ClientComputedContentSHA256": expected,
        "S3ComputedContentSHA256": hashlib.sha256(b"content").hexdigest(),
    }


def test_the_last_byte_is_not_handed_on_before_the_hash_is_checked():
    stream = plain(b"content", EMPTY)
    assert stream.read(6) == b"conten"
    assert refusal(lambda: stream.read(1))[1] == "XAmzContentSHA256Mismatch"


def test_a_hash_of_nothing_is_checked_as_well():
    other = hashlib.sha256(b"x").hexdigest()
    assert plain(b"", EMPTY).read(1) == b""
    assert refusal(lambda: plain(b"", other).read(1))[1] == "XAmzContentSHA256Mismatch"


@pytest.mark.parametrize("length", [6, 8, 0])
def test_a_content_length_that_is_not_the_bodys(length):
    assert refusal(lambda: drained(plain(b"content", content_length=length))) == WRONG_LENGTH


def test_no_content_length_means_no_body():
    assert drained(body(b"", "UNSIGNED-PAYLOAD")) == b""
    assert refusal(lambda: drained(body(b"x", "UNSIGNED-PAYLOAD"))) == WRONG_LENGTH


def test_a_content_length_that_is_no_number():
    assert refusal(lambda: plain(b"x", content_length="x"))[:2] == (411, "MissingContentLength")


def test_a_body_in_chunks_of_http_alone():
    with pytest.raises(ServiceError) as caught:
        body(b"x", "UNSIGNED-PAYLOAD", transfer_encoding="chunked")
    assert (caught.value.status, caught.value.code) == (501, "NotImplemented")
    assert caught.value.extras == {"Header": "Transfer-Encoding"}
    travelled, _ = wrapped(b"content", checksum=None)
    assert drained(chunked(travelled, 7, transfer_encoding="chunked")) == b"content"
