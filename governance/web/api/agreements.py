"""Keys, MOUs, signatures, duties and reviews over HTTP: JSON in, JSON out, errors by `web.problems`.

A statement travels as `{"statement": <base64url of its canonical bytes>, "jws": <detached JWS>}`. Every call but the
handing in of an enrolment is signed with a key that counts already; an enrolment's own signature proves its key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from governance.errors import InputWrong, TooLarge
from governance.register.reading import decoded
from governance.web.services import Services

__all__ = ["blueprint"]

# A proposal carries a whole document in base64.
_DOCUMENT_BODY = 3 * 1024 * 1024
_ENROLMENT_BODY = 16 * 1024


def _body(most: int) -> bytes:
    if request.content_length is not None and request.content_length > most:
        raise TooLarge(f"the body has {request.content_length} bytes; at most {most} are allowed")
    content = request.stream.read(most + 1)
    if len(content) > most:
        raise TooLarge(f"the body has more than the {most} bytes that are allowed")
    return content


def _twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise InputWrong("a key stands twice in the body", field="body")
    return dict(pairs)


def _object(content: bytes, *keys: str, optional: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """The JSON object of a body, which has these keys and no others."""
    try:
        document = json.loads(content, object_pairs_hook=_twice) if content else {}
    except (ValueError, RecursionError):
        raise InputWrong("the body is not JSON", field="body") from None
    if not isinstance(document, dict):
        raise InputWrong("the body is not a JSON object", field="body")
    for key in keys:
        if key not in document:
            raise InputWrong(f"`{key}` is missing", field=key)
    for key in document:
        if key not in keys and key not in optional:
            raise InputWrong(f"`{key}` is not known", field=key)
    return document


def _bytes(document: Mapping[str, Any], key: str) -> bytes:
    try:
        return decoded(document[key])
    except ValueError:
        raise InputWrong(f"`{key}` is not base64url without padding", field=key) from None


def _statement(document: Mapping[str, Any]) -> tuple[bytes, str]:
    jws = document["jws"]
    if not isinstance(jws, str):
        raise InputWrong("`jws` is not text", field="jws")
    return _bytes(document, "statement"), jws


def _version() -> int | None:
    text = request.args.get("version")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 7:
        raise InputWrong(f"`{text}` is not a version", field="version")
    return int(text)


def blueprint(services: Services) -> Blueprint:
    """`/v1/keys`, `/v1/mous`, `/v1/acknowledgements`, `/v1/duties`, `/v1/reviews`, and what follows from them."""
    pages = Blueprint("agreements", __name__)
    _keys(pages, services)
    _mous(pages, services)
    _words(pages, services)
    _duties(pages, services)
    _resuming(pages, services)
    return pages


def _keys(pages: Blueprint, services: Services) -> None:
    keys = services.agreements.keys

    @pages.post("/v1/keys")
    def enroll() -> tuple[Response, int]:
        """Takes in an enrolment; it counts for nothing until it is approved."""
        return jsonify(keys.enroll(*_statement(_object(_body(_ENROLMENT_BODY), "statement", "jws")))), 201

    @pages.get("/v1/keys")
    def listed() -> Response:
        """The keys that the caller may see."""
        return jsonify({"keys": keys.listed(services.authenticate(request))})

    @pages.get("/v1/keys/<fingerprint>")
    def shown(fingerprint: str) -> Response:
        """One key, with its enrolment as its holder signed it."""
        return jsonify(keys.shown(services.authenticate(request), fingerprint))

    @pages.post("/v1/keys/<fingerprint>/approval")
    def approve(fingerprint: str) -> tuple[Response, int]:
        """Lets an enrolled key count."""
        content = _body(_ENROLMENT_BODY)
        caller = services.authenticate(request, body=content)
        return jsonify(keys.approve(caller, fingerprint, *_statement(_object(content, "statement", "jws")))), 201

    @pages.post("/v1/keys/<fingerprint>/attestation")
    def attest(fingerprint: str) -> tuple[Response, int]:
        """A signatory of another party says whose a key is."""
        content = _body(_ENROLMENT_BODY)
        caller = services.authenticate(request, body=content)
        return jsonify(keys.attest(caller, fingerprint, *_statement(_object(content, "statement", "jws")))), 201

    @pages.post("/v1/keys/<fingerprint>/revocation")
    def revoke(fingerprint: str) -> tuple[Response, int]:
        """Ends a key."""
        content = _body(_ENROLMENT_BODY)
        caller = services.authenticate(request, body=content)
        return jsonify(keys.revoke(caller, fingerprint, *_statement(_object(content, "statement", "jws")))), 201


def _mous(pages: Blueprint, services: Services) -> None:
    mous = services.agreements.mous

    @pages.post("/v1/mous")
    def propose() -> tuple[Response, int]:
        """Puts a version up for signing."""
        content = _body(_DOCUMENT_BODY)
        caller = services.authenticate(request, body=content)
        document = _object(content, "document", "statement", "jws")
        return jsonify(mous.propose(caller, _bytes(document, "document"), *_statement(document))), 201

    @pages.get("/v1/mous")
    def listed_mous() -> Response:
        """A line about each MOU that the caller may see."""
        return jsonify({"mous": mous.listed(services.authenticate(request))})

    @pages.get("/v1/mous/<mou_id>")
    def shown_mous(mou_id: str) -> Response:
        """An MOU's state and signatures, computed from stored bytes."""
        return jsonify(mous.shown(services.authenticate(request), mou_id))

    @pages.get("/v1/mous/<mou_id>/text")
    def text(mou_id: str) -> Response:
        """The text, to the byte that is signed."""
        content, digest = mous.text(services.authenticate(request), mou_id, _version())
        return Response(content, content_type="text/plain; charset=utf-8", headers={"Accordant-SHA256": digest})

    @pages.get("/v1/mous/<mou_id>/document")
    def document(mou_id: str) -> Response:
        """The document, to the byte that was proposed."""
        content, digest = mous.document(services.authenticate(request), mou_id, _version())
        return Response(content, content_type="application/yaml", headers={"Accordant-SHA256": digest})

    @pages.post("/v1/mous/<mou_id>/evidence")
    def evidence(mou_id: str) -> Response:
        """The evidence file: a ZIP that proves the MOU's signatures and life offline. That it was taken is an entry.

        For the MOU's parties and administrators.
        """
        taken = services.evidence.take(services.authenticate(request), mou_id)
        headers = {"Accordant-Entry": str(taken.entry), "Accordant-Statements": str(taken.statements)}
        return Response(taken.content, content_type="application/zip", headers=headers)

    @pages.post("/v1/activation")
    def activate() -> Response:
        """An administrator has the policies brought in step with the signatures."""
        return jsonify(services.agreements.activate(services.authenticate(request)))


def _words(pages: Blueprint, services: Services) -> None:
    mous = services.agreements.mous

    @pages.post("/v1/mous/<mou_id>/openings")
    def opening(mou_id: str) -> tuple[Response, int]:
        """Opens a signing: nonce, text and digests, good for 24 hours."""
        content = _body(_ENROLMENT_BODY)
        caller = services.authenticate(request, body=content)
        asked = _object(content, optional=("version", "decision"))
        version, decision = asked.get("version"), asked.get("decision", "sign")
        if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
            raise InputWrong("`version` is not a whole number", field="version")
        if not isinstance(decision, str):
            raise InputWrong("`decision` is not text", field="decision")
        return jsonify(mous.open(caller, mou_id, version, decision=decision)), 201

    @pages.post("/v1/mous/<mou_id>/statements")
    def state(mou_id: str) -> tuple[Response, int]:
        """Takes in a signature, a decline or a withdrawal."""
        content = _body(_ENROLMENT_BODY)
        caller = services.authenticate(request, body=content)
        return jsonify(mous.state(caller, mou_id, *_statement(_object(content, "statement", "jws")))), 201


def _resuming(pages: Blueprint, services: Services) -> None:
    resuming = services.agreements.resuming

    @pages.get("/v1/resumption")
    def restored() -> Response:
        """The restore from a backup that waits to be confirmed, and what may be missing since; null where none does."""
        services.authenticate(request)
        return jsonify({"waits": resuming.waiting()})

    @pages.post("/v1/resumption")
    def resumed() -> tuple[Response, int]:
        """An administrator confirms that what may be missing was asked for: data may be released again."""
        content = _body(_ENROLMENT_BODY)
        caller = services.authenticate(request, body=content)
        return jsonify(resuming.confirm(caller, *_statement(_object(content, "statement", "jws")))), 201


def _duties(pages: Blueprint, services: Services) -> None:
    duties, reviews = services.agreements.duties, services.agreements.reviews

    @pages.post("/v1/acknowledgements")
    def acknowledge() -> tuple[Response, int]:
        """A party acknowledges its purpose."""
        content = _body(_ENROLMENT_BODY)
        caller = services.authenticate(request, body=content)
        return jsonify(duties.acknowledge(caller, *_statement(_object(content, "statement", "jws")))), 201

    @pages.get("/v1/duties")
    def listed_duties() -> Response:
        """The caller's party's duties."""
        return jsonify({"duties": duties.listed(services.authenticate(request))})

    @pages.post("/v1/duties")
    def mark() -> tuple[Response, int]:
        """An administrator records that a duty is overdue, or done."""
        content = _body(_ENROLMENT_BODY)
        caller = services.authenticate(request, body=content)
        return jsonify(duties.mark(caller, *_statement(_object(content, "statement", "jws")))), 201

    @pages.get("/v1/reviews")
    def waiting() -> Response:
        """Requests that wait for a person."""
        return jsonify({"reviews": reviews.listed(services.authenticate(request))})

    def answer(digest: str, kind: str) -> tuple[Response, int]:
        content = _body(_ENROLMENT_BODY)
        caller = services.authenticate(request, body=content)
        return jsonify(reviews.answer(caller, digest, kind, *_statement(_object(content, "statement", "jws")))), 201

    @pages.post("/v1/reviews/<digest>/approval")
    def approve_reviews(digest: str) -> tuple[Response, int]:
        """One of the parties that are asked says yes."""
        return answer(digest, "approval")

    @pages.post("/v1/reviews/<digest>/refusal")
    def refuse(digest: str) -> tuple[Response, int]:
        """One of the parties that are asked says no."""
        return answer(digest, "refusal")
