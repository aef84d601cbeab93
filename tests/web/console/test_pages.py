"""What pages show, to whom, and under which headers; bad words in the address give a clear page and change nothing."""

from __future__ import annotations

import html
import re
from base64 import b64decode

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.cosignature import Cosigner, cosignatures_of
from audit.cosigned import CosignatureStore
from audit.note import NoteVerifier
from audit.receipt import Receipt
from tests.simulator import DOCUMENT, World
from tests.tampered import rewritten
from tests.web.console.visitor import Visitor

PAGES = ("/", "/mous", "/mous/small", "/mous/small/versions/1", "/history", "/requests", "/waiting", "/data")


@pytest.fixture(scope="module")
def administrator(told: World) -> Visitor:
    return Visitor.signed_in(told, told.administrator)


@pytest.fixture(scope="module")
def south(told: World) -> Visitor:
    return Visitor.signed_in(told, told.partners["south"])


@pytest.mark.parametrize("path", [*PAGES, "/history/1", "/mous/small/versions/1/text", "/history/1/receipt.json"])
def test_nobody_sees_a_page_without_a_session(told: World, path: str) -> None:
    """They are led to the sign-in page, and hear nothing on the way."""
    answer = Visitor.of(told).get(path)
    assert (303, "/sign-in") == (answer.status_code, answer.headers["Location"])


@pytest.mark.parametrize("path", [*PAGES, "/sign-in", "/history/999999", "/history?since=soon"])
def test_every_page_has_its_headers_and_the_checkpoint(told: World, administrator: Visitor, path: str) -> None:
    """The policy allows no script and nothing inline; the checkpoint stands in the header and in the footer."""
    answer = administrator.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert {"frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} <= set(policy.split("; "))
    assert "no-referrer" == answer.headers["Referrer-Policy"]
    assert "no-store" == answer.headers["Cache-Control"]
    assert "nosniff" == answer.headers["X-Content-Type-Options"]
    page = answer.get_data(as_text=True)
    assert "<script" not in page
    assert " style=" not in page
    size = b64decode(answer.headers["Accordant-Checkpoint"]).decode().splitlines()[1]
    assert f"checkpoint <b>{int(size):,}</b>" in page


def test_an_entry_s_page_alone_runs_a_script_of_ours(told: World, administrator: Visitor) -> None:
    """One file from here, nothing inline, and it asks nobody else; the files are served as scripts."""
    answer = administrator.get("/history/1")
    policy = set(answer.headers["Content-Security-Policy"].split("; "))
    assert {"default-src 'none'", "script-src 'self'", "connect-src 'self'", "base-uri 'none'"} <= policy
    page = answer.get_data(as_text=True)
    assert ['<script type="module" src="/static/entry-page.js"></script>'] == re.findall(r"<script.*?</script>", page)
    assert not re.search(r"\s(style|on[a-z]+)=", page)
    with administrator.get("/static/entry-page.js") as script:
        assert "text/javascript" in script.headers["Content-Type"]


def test_an_entry_shows_its_call_its_place_and_its_bytes(told: World, administrator: Visitor) -> None:
    """From the request to what left, whichever of them one looks at; halves and tiles; what a receipt needs."""
    (permitted,) = told.services.journal.search(kind="request", outcome="permit")
    call = told.services.history.account(permitted, party="administrator", administrator=True)
    assert {"disclosure", "release"} == {e.kind for e in call}
    for entry in (permitted, *call):
        page = administrator.get(f"/history/{entry.seq}").get_data(as_text=True)
        shown = page.partition('<ol class="call">')[2].partition("</ol>")[0]
        named = re.findall(r'(?:href="/history/|aria-current="page">)(\d+)', shown)
        assert [e.seq for e in (permitted, *call)] == [int(n) for n in named]
        size = told.services.journal.head().size
        receipt = told.services.published.receipt(entry)
        assert page.count('<svg class="fork"') == len(receipt.proof)
        assert f"/log/tile/0/000.p/{size}" in page
        assert html.escape(entry.body_bytes.decode(), quote=False).replace('"', "&#34;") in page
        assert "No witness has cosigned" in page


def test_a_receipt_for_tools_that_are_not_ours(told: World, administrator: Visitor) -> None:
    """C2SP's form, which verifies with the log's key."""
    kept = administrator.get("/history/3/receipt.tlog-proof")
    assert 'attachment; filename="entry-3.tlog-proof"' == kept.headers["Content-Disposition"]
    receipt = Receipt.from_text(kept.data)
    assert receipt.check(NoteVerifier.from_vkey(told.services.vkey)).size > 3


def test_a_witness_s_word_is_shown(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Its name, its key's id and the time; that of an older checkpoint only where it holds the entry."""
    world = World.found(tmp_path_factory.mktemp("witnessed"))
    witness = Cosigner("partner.example/w", Ed25519PrivateKey.generate())
    note = world.services.journal.head().checkpoint
    (cosigned,) = cosignatures_of(note + witness.line(note, seconds=1795600000), (witness.verifier,))
    database = sa.create_engine(world.settings.database_url)
    CosignatureStore(database).keep(note, cosigned)
    database.dispose()
    covered = world.services.journal.head().size
    visitor = Visitor.signed_in(world, world.administrator)
    text = visitor.text("/history/0")
    assert f"partner.example/w cosigned the checkpoint at {covered} entries" in text
    assert witness.verifier.key_id.hex() in text
    assert "No witness has cosigned" in visitor.text(f"/history/{covered}")
    world.close()


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json", "/v1/keys", "/nowhere", "/log/checkpoint"])
def test_every_answer_carries_the_checkpoint(told: World, path: str) -> None:
    """Those of the signed interface too, refusals included."""
    answer = told.client.get(path)
    assert (
        b64decode(answer.headers["Accordant-Checkpoint"]).decode() == told.services.journal.head().checkpoint.decode()
    )


def test_the_cookie_is_kept_from_scripts_and_other_sites(told: World) -> None:
    """Strict and HttpOnly; that it is Secure and bound to the host over TLS is tested beside `configure`."""
    set_cookie = Visitor.of(told).get("/sign-in/none").headers.get("Set-Cookie", "")
    assert "" == set_cookie
    visitor = Visitor.signed_in(told, told.administrator)
    cookie = visitor.client.get_cookie("accordant", domain="accordant.test")
    assert cookie is not None
    assert (True, "Strict", "/") == (cookie.http_only, cookie.same_site, cookie.path)


def test_the_overview_tells_states_and_latest_requests(administrator: Visitor) -> None:
    """What is in force, what waits, and the newest requests."""
    text = administrator.text("/")
    assert "A small collaborative In force" in " ".join(text.split())
    assert "Waits for a person" in text
    assert "3 requests in 14 days" in text


def test_a_partner_hears_of_its_own_requests_and_data_alone(told: World, south: Visitor) -> None:
    """North's own rows and refusals are not south's business; the request about south's rows is."""
    seen = {e.seq for e in told.services.journal.search(reader="south", limit=1000)}
    every = list(told.services.journal.entries())
    assert {200} == {south.get(f"/history/{seq}").status_code for seq in sorted(seen)[:12]}
    foreign = [e.seq for e in every if e.seq not in seen]
    assert foreign
    assert {404} == {south.get(f"/history/{seq}").status_code for seq in foreign}
    assert {404} == {south.get(f"/history/{seq}/receipt.json").status_code for seq in foreign}


def test_a_partner_counts_only_what_it_may_see(told: World, south: Visitor) -> None:
    """The picture, the list and the numbers of sources are its own."""
    assert "North 0" not in south.text("/requests")
    assert "marketing" not in south.text("/history?kind=request")
    sources = south.text("/data")
    assert "South visits" in sources
    assert "North visits" not in sources


def test_an_agreement_of_others_is_not_there(told: World) -> None:
    """Whoever is no party hears the same as where there is none."""
    told.enrol("stranger")
    visitor = Visitor.signed_in(told, told.partners["stranger"])
    assert [404, 404] == [visitor.get(f"/mous/{name}").status_code for name in ("small", "none")]
    assert "A small collaborative" not in visitor.text("/mous")


def test_an_agreement_shows_its_words_rules_and_keys(told: World, south: Visitor) -> None:
    """Each clause's operative sentence, its rule one click away, whose keys signed, and what nobody can tell."""
    answer = south.get("/mous/small").get_data(as_text=True)
    text = south.text("/mous/small")
    assert 7 == answer.count('class="rule"')
    assert "Operative sentence of 2:" in text
    assert "# METADATA" in text
    for partner in ("north", "hub"):
        assert told.partners[partner].key.fingerprint in text
    assert "Signed by these keys; whose they are you must ask" in text


def test_the_text_is_given_to_the_byte(told: World, south: Visitor) -> None:
    """As it is signed."""
    life = told.told(told.partners["south"], "GET", "/v1/mous/small")
    answer = south.get("/mous/small/versions/1/text")
    assert life["versions"][0]["text_sha256"] == answer.headers["Accordant-SHA256"]


def test_an_entry_shows_declaration_decision_words_and_proof(told: World, administrator: Visitor) -> None:
    """The signature is verified anew, the clause's words by their digest, the leaf by the one before."""
    (permitted,) = told.services.journal.search(kind="request", outcome="permit")
    text = administrator.text(f"/history/{permitted.seq}")
    assert "The recorded signature was verified just now" in text
    assert "These words hash to" in text
    assert "names the hash of the leaf before it" in text
    assert permitted.leaf_hash.hex() in text
    assert "30 rows" in text
    assert "North 30" in text


def test_a_search_is_recorded_as_over_the_interface(told: World, administrator: Visitor) -> None:
    """Its filters and how many were found; a search that is wrong is none."""
    before = len(told.services.journal.search(kind="search", limit=1000))
    administrator.get("/history?outcome=deny&purpose=marketing")
    found = told.services.journal.search(kind="search", limit=1000)
    assert before + 1 == len(found)
    assert {"outcome": "deny", "purpose": "marketing"} == found[0].body["by"]
    administrator.get("/history?since=soon")
    assert before + 1 == len(told.services.journal.search(kind="search", limit=1000))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=soon", "since"),
        ("until=2026-13-01", "until"),
        ("before=-1", "before"),
        ("before=" + "9" * 40, "before"),
        ("purpose=" + "p" * 400, "purpose"),
        ("subject=a%00b", "subject"),
        ("colour=red", "form"),
        ("kind=%F0%9F%92%A9%0A1", "kind"),
        ("kind=none-such", "kind"),
        ("outcome=permitted", "outcome"),
    ],
)
def test_a_wrong_filter_is_named_beside_its_field(administrator: Visitor, query: str, field: str) -> None:
    """Never a 500, and the rest of the form is kept."""
    answer = administrator.get(f"/history?{query}&dataset=visits")
    page = answer.get_data(as_text=True)
    assert 400 == answer.status_code
    assert f"Nothing was searched: <b>{field}</b>" in page
    assert 'name="dataset" type="text" value="visits"' in page


@pytest.mark.parametrize("query", ["clause=x", "mou=%22%3E", "connector=SHA256%3Ax", "party=nobody"])
def test_a_filter_that_nothing_answers_is_an_empty_page(administrator: Visitor, query: str) -> None:
    """With the way back."""
    assert "No entry that you may see answers this." in administrator.text(f"/history?{query}")


def test_pages_of_the_history_follow_one_another(told: World, administrator: Visitor) -> None:
    """Older entries begin where the page ended."""
    page = administrator.get("/history?kind=search&before=20").get_data(as_text=True)
    assert "These are the oldest." in page or "No entry" in page
    for _ in range(51):
        administrator.get("/history?kind=genesis")
    page = administrator.get("/history?kind=search").get_data(as_text=True)
    assert 'rel="next"' in page
    assert "kind=search" in page.partition('rel="next" href="')[2][:80]


@pytest.mark.parametrize("days", ["0", "-1", "8", "x", "365000"])
def test_a_wrong_period_is_named(administrator: Visitor, days: str) -> None:
    """And no picture is made."""
    assert 400 == administrator.get(f"/requests?days={days}").status_code


def test_the_picture_has_words_and_tables_beside_it(administrator: Visitor) -> None:
    """A title, a description, and the same figures as text; not colour alone."""
    page = administrator.get("/requests?days=7").get_data(as_text=True)
    assert '<svg viewBox="0 0 720 230" role="img" aria-labelledby="picture-title picture-desc">' in page
    assert "3 requests: Permitted 1, Refused 1, Waits for a person 1." in page
    assert page.count("<pattern") == 3


def test_what_waits_is_shown_with_the_command(told: World) -> None:
    """To whom it waits for; a party that is not asked hears of no command."""
    north = Visitor.signed_in(told, told.partners["north"])
    assert "accordant review approve" in north.text("/waiting")
    hub = Visitor.signed_in(told, told.partners["hub"])
    assert "accordant review approve" not in hub.text("/waiting")


EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def test_words_of_documents_are_never_markup(founded: World) -> None:
    """Titles, names and prose of whoever writes them."""
    for party in ("south", "east", "west", "hub"):
        founded.enrol(party)
    document = DOCUMENT.replace("title: A small collaborative", f'title: "{EVIL}"').replace(
        "name: South", f'name: "{EVIL}"'
    )
    founded.propose(document.replace('text: "{of} shall', f'text: "{EVIL} {{of}} shall'))
    visitor = Visitor.signed_in(founded, founded.administrator)
    for path in ("/", "/mous", "/mous/small", "/waiting", "/history", "/history?kind=proposal"):
        page = visitor.get(path).get_data(as_text=True)
        assert "<script" not in page
        assert "<img src=x" not in page
        assert "alert" in page or path == "/history"


def test_words_of_addresses_are_never_markup(administrator: Visitor) -> None:
    """Filters, ids and everything else that a link can carry."""
    for path in (
        "/history?purpose={}",
        "/history?since={}",
        "/history?kind={}",
        "/mous/{}",
        "/requests?days={}",
        "/sign-in/{}",
    ):
        page = administrator.get(path.format("%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E")).get_data(as_text=True)
        assert "<script" not in page


def test_a_tampered_entry_is_told_and_nothing_breaks(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A signature that was changed in the database: the agreement says which statement does not hold."""
    world = World.found(tmp_path_factory.mktemp("tampered")).agreed()
    visitor = Visitor.signed_in(world, world.partners["north"])
    (signature,) = world.services.journal.search(kind="signature", party="south")
    rewritten(world.settings, signature.seq, b"director", b"chairman")
    text = visitor.text("/mous/small")
    assert "does not hold" in text or "do not hold" in text
    assert f"entry {signature.seq}" in text
    assert 503 == visitor.get(f"/history/{signature.seq}").status_code
    world.close()
