import pytest
from PIL.PngImagePlugin import PngInfo

from training.data.decode import decode
from training.data.errors import Reject
from training.data.png import require_whole


def test_a_whole_file_passes(draw, encoded):
    require_whole(encoded(draw(1)))
    require_whole(encoded(draw(1).quantize(4)))


def test_no_damaged_byte_goes_unnoticed(draw, encoded):
    data = encoded(draw(1, 12))
    for place in range(len(data) - 4):  # the last four are the checksum of nothing
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        with pytest.raises(Reject):
            decode(bytes(damaged), 12)


def test_every_truncation_is_noticed(draw, encoded):
    data = encoded(draw(1, 12))
    for length in range(8, len(data)):
        with pytest.raises(Reject, match="truncated"):
            require_whole(data[:length])


def test_damage_to_what_is_not_needed_is_no_matter(draw, encoded):
    notes = PngInfo()
    notes.add_text("Comment", "abc")
    data = encoded(draw(1, 12), pnginfo=notes)
    require_whole(data.replace(b"Comment\0abc", b"Comment\0abd"))


def test_what_follows_the_end_is_no_matter(draw, encoded):
    require_whole(encoded(draw(1)) + b"appended")


def test_a_length_beyond_the_file_is_a_truncation():
    with pytest.raises(Reject, match="truncated"):
        require_whole(b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR" + bytes(100))
