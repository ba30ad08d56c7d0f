import pytest

from app.api import problems, refusals
from app.errors import Overloaded, QueueFull, QuotaExceeded
from app.front import request_id

DETAILS = ["16 images go first, 16 more cannot be made in time", '100 %s of "it" \\ \n', "Größe \u2028", "%(wait)d", ""]


@pytest.mark.parametrize("path", ["/generate", "/v1/images/generations", "/v2/models/avatars/infer", "/50%/generate"])
@pytest.mark.parametrize("kind", [QueueFull, QuotaExceeded])
@pytest.mark.parametrize("detail", DETAILS)
def test_a_refusal_is_written_as_every_problem_is_with_the_id_in_its_head(
    kind: type[Overloaded], detail: str, path: str
) -> None:
    for wait, identity in ((0.2, b"0123abcd"), (6.5, b"caller:7/@=+")):
        refusal = kind(detail, wait)
        usual = problems.problem(refusal, {"path": path, request_id.KEY: identity.decode()})
        answer = refusals.written(refusal, path, identity)
        fields = dict(field.split(b": ", 1) for field in answer.fields.split(b"\r\n")[:-1])
        assert (answer.status, answer.body) == (usual.status_code, usual.body)
        assert fields == dict(usual.raw_headers) | {request_id.HEADER: identity}
        assert answer.fields.endswith(b"\r\n")
