"""A program written for Triton, with Triton's own HTTP client: python triton_infer.py URL. Prints what it saw."""

import json
import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

client = triton.InferenceServerClient(sys.argv[1].removeprefix("http://"))
seen = {
    "live": client.is_server_live(),
    "ready": client.is_server_ready(),
    "model_ready": [
        client.is_model_ready("fashion"),
        client.is_model_ready("fashion", "2"),
        client.is_model_ready("x"),
    ],
    "server": client.get_server_metadata(),
    "model": client.get_model_metadata("fashion"),
}
z_dim = seen["model"]["inputs"][0]["shape"][1]

z = triton.InferInput("z", [3, z_dim], "FP32")
z.set_data_from_numpy(np.random.default_rng(0).standard_normal((3, z_dim), np.float32))
label = triton.InferInput("label", [3], "INT64")
label.set_data_from_numpy(np.array([0, 4, 9], np.int64))
answer = client.infer("fashion", [z, label], request_id="r-1", timeout=20_000_000)
binary = answer.as_numpy("images")
outputs = [triton.InferRequestedOutput("images", binary_data=False)]
numbers = client.infer("fashion", [z, label], model_version="2", outputs=outputs).as_numpy("images")
seen["same"] = bool((binary == numbers).all())
seen["about"] = [answer.get_response()["id"], answer.get_response()["model_version"], list(binary.shape)]

seed = triton.InferInput("seed", [2], "UINT32")
seed.set_data_from_numpy(np.array([7, 8], np.uint32), binary_data=False)
seen["seeds"] = client.infer("avatars", [seed]).as_numpy("images").tolist()

later = [client.async_infer("avatars", [seed]) for _ in range(4)]
seen["async"] = all(answer.get_result().as_numpy("images").tolist() == seen["seeds"] for answer in later)

wrong = triton.InferInput("z", [1, 3], "FP32")
wrong.set_data_from_numpy(np.zeros((1, 3), np.float32))
for name, model, inputs in (("shape", "avatars", [wrong]), ("unknown", "x", [seed])):
    try:
        client.infer(model, inputs)
    except InferenceServerException as error:
        seen[name] = [error.status(), error.message()]
client.close()
print(json.dumps(seen))
