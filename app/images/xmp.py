"""The XMP packet that says an image is synthetic, which system made it, and from what.

Sources: XMP ISO 16684-1; IPTC Photo Metadata 2025.1 (DigitalSourceType, AISystemUsed, AISystemVersionUsed);
GB 45438-2025 and TC260-PG-20258A (the AIGC label).
"""

import json
import re
from functools import lru_cache
from xml.sax.saxutils import escape

# A name, not an address: nothing under .example ever resolves (RFC 6761).
RECIPE_NAMESPACE = "https://tessera.example/ns/recipe/1.0/"
_SYNTHETIC = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2

_PACKET = f"""\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/"
    xmlns:tessera="{RECIPE_NAMESPACE}">
   <Iptc4xmpExt:DigitalSourceType>{_SYNTHETIC}</Iptc4xmpExt:DigitalSourceType>
   <Iptc4xmpExt:AISystemUsed>%(system)s</Iptc4xmpExt:AISystemUsed>
   <Iptc4xmpExt:AISystemVersionUsed>%(version)s</Iptc4xmpExt:AISystemVersionUsed>
   <xmpMM:InstanceID>xmp.iid:%(instance)s</xmpMM:InstanceID>
   <TC260:AIGC>%(aigc)s</TC260:AIGC>
%(created)s%(recipe)s  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""
_CREATED = "   <xmp:CreateDate>%s</xmp:CreateDate>\n"
_RECIPE = "   <tessera:Recipe>%s</tessera:Recipe>\n"


def packet(*, system: str, version: str, instance: str, producer: str, created: str = "", recipe: str = "") -> bytes:
    """One read-only packet, UTF-8. `instance` is a UUID, `created` RFC 3339, `recipe` JSON, and these two may be empty.

    Otherwise any text may be given: what XML cannot hold is replaced by U+FFFD.
    """
    recipe = _RECIPE % text(recipe) if recipe else ""
    return _of_model(system, version, producer, created) % {b"instance": instance.encode(), b"recipe": recipe.encode()}


@lru_cache(maxsize=256)
def _of_model(system: str, version: str, producer: str, created: str) -> bytes:
    """The packet without what differs from one image to the next."""
    parts = {
        "system": _once(text(system)),
        "version": _once(text(version)),
        "instance": "%(instance)s",
        "aigc": text(aigc_label(_once(producer), "%(instance)s")),
        "created": _CREATED % _once(text(created)) if created else "",
        "recipe": "%(recipe)s",
    }
    return (_PACKET % parts).encode()


def _once(value: str) -> str:
    """As it was after being formatted once more."""
    return value.replace("%", "%%")


def aigc_label(producer: str, produce_id: str) -> str:
    """The implicit label of GB 45438-2025, annex E: "1" says that the content is AI-generated."""
    return json.dumps(
        {
            "Label": "1",
            "ContentProducer": producer,
            "ProduceID": produce_id,
            "ReservedCode1": "",
            "ContentPropagator": "",
            "PropagateID": "",
            "ReservedCode2": "",
        }
    )


def text(value: str) -> str:
    """Character data that any XML 1.0 parser gives back as it was."""
    return escape(_FORBIDDEN.sub("\ufffd", value), {"\r": "&#13;"})
