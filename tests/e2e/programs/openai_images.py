"""A program written for OpenAI's API, with OpenAI's own client: python openai_images.py URL. Prints what it saw."""

import json
import sys
from base64 import b64decode

import openai

client = openai.OpenAI(base_url=f"{sys.argv[1]}/v1", api_key="unused", max_retries=0)
seen = {"models": [model.id for model in client.models.list()], "retrieved": client.models.retrieve("avatars").id}

answer = client.images.generate(prompt="", n=2, extra_body={"seed": 7})
seen["pngs"] = [b64decode(image.b64_json).hex() for image in answer.data]
seen["seeds"] = [image.seed for image in answer.data]

answer = client.images.generate(
    prompt="Bag", model="fashion", n=3, size="128x128", output_format="webp", quality="high", user="u"
)
seen["webps"] = [b64decode(image.b64_json).hex() for image in answer.data]
seen["revised"] = [image.revised_prompt for image in answer.data]
seen["size"] = answer.size

for name, fields in {"class": {"model": "fashion", "prompt": "xyzzy"}, "model": {"model": "gpt-image-2"}}.items():
    try:
        client.images.generate(**{"prompt": "x"} | fields)
    except openai.APIStatusError as error:
        seen[name] = [type(error).__name__, error.param, error.code, error.type, bool(error.request_id)]

print(json.dumps(seen))
