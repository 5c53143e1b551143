"""The page of a difference: everything of it is there as text, the worst first, and the file needs nothing else."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from tests.support.any_diffs import diffs
from tests.support.diffs import difference
from tests.support.example_diffs import BASE, HEAD, eventful, examples, harmless, huge, resource_change
from tests.support.pairs import PAIRS, loaded
from workbench.diff.model import Action, Diff, PropertyChange, StackDiff, Status
from workbench.diff.snapshot import Hidden
from workbench.report.page import page

_HOSTILE = [pair for pair in PAIRS if pair.startswith("hostile/")]

_VOID = {"meta"}
_FOREIGN = {"script", "img", "iframe", "object", "embed", "link", "base", "form", "input", "video", "audio", "use"}


class _Parsed(HTMLParser):
    """A document taken apart: its elements, and its text outside of the style sheet."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""
        self.sheet = ""
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"]:
            self.sheet += data
        else:
            self.text += data


@pytest.mark.parametrize("name", sorted(examples()))
def test_a_page_is_one_file_that_may_do_nothing(name: str) -> None:
    parsed = _Parsed(page(examples()[name]))
    assert parsed.open == []
    digest = base64.b64encode(hashlib.sha256(parsed.sheet.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert ("content", policy) in parsed.attributes
    assert "url(" not in parsed.sheet
    assert "@import" not in parsed.sheet
    _assert_inert(parsed)


@settings(max_examples=60, deadline=None)
@given(diffs)
def test_no_text_of_a_difference_acts(diff: Diff) -> None:
    document = page(diff)
    document.encode()
    _assert_inert(_Parsed(document))


# A thousand changes take long to evaluate, and nothing in their texts is hostile.
@pytest.mark.parametrize("pair", sorted(set(_HOSTILE) - {"hostile/a_thousand_changes"}))
def test_nothing_of_a_hostile_program_acts(pair: str) -> None:
    case = loaded(pair)
    parsed = _Parsed(page(Diff(BASE, HEAD, [difference(case.before, case.after)])))
    _assert_inert(parsed)
    assert [each for each in parsed.text if not (each.isprintable() or each in "\n\t")] == []


def test_risks_come_before_everything_else() -> None:
    text = _Parsed(page(eventful())).text
    places = [
        text.index(words)
        for words in (
            "DATA AT RISK: 3, ACCESS OPENED: 2, in prod.",
            "Data at risk: 3",
            "The database cluster database would be deleted and made anew, with nothing in it.",
            "Access opened: 2",
            "Anybody on the internet could reach database at port 5432.",
            "stack prod",
            "IAM statements",
            "Security-group rules",
            "Cost (estimate)",
            "Delete (1)",
            "Replace (2)",
            "Rename (1)",
            "Update (2)",
            "Create (2)",
        )
    ]
    assert places == sorted(places)


def test_a_property_has_its_values_side_by_side_and_says_what_it_forces() -> None:
    document = page(eventful())
    row = re.search(r"<tr><th scope=\"row\">engineMode.*?</tr>", document)
    assert row is not None
    assert row[0] == (
        '<tr><th scope="row">engineMode<span class="chip forces">replaces</span></th>'
        '<td class="before"><pre>"provisioned"</pre></td>'
        '<td class="after"><pre>"serverless"</pre></td></tr>'
    )


def test_only_what_differs_of_two_long_values_is_marked() -> None:
    document = page(
        _one(PropertyChange(("address",), "https://api.example.com/v1/items", "https://api.example.com/v2/items"))
    )
    assert '<pre>"https://api.example.com/v<mark>1</mark>/items"</pre>' in document
    assert '<pre>"https://api.example.com/v<mark>2</mark>/items"</pre>' in document


def test_two_values_that_look_alike_are_said_to_differ() -> None:
    document = page(_one(PropertyChange(("masterPassword",), Hidden("one"), Hidden("two"))))
    assert '<td class="before"><pre>[secret]</pre></td>' in document
    assert '<td class="after"><div><pre>[secret]</pre><small>another secret</small></div></td>' in document


def test_a_long_value_is_cut_and_says_how_much_is_missing() -> None:
    document = page(_one(PropertyChange(("description",), "a" * 100_000, "b" * 100_000)))
    assert len(document) < 60_000
    assert re.search(r"\[\.\.\. 9\d,\d{3} characters \.\.\.\]", document)


def test_a_thousand_changes_are_folded() -> None:
    document = page(huge(1_000))
    assert len(re.findall(r'<details class="change [a-z]+" id="stack0-change\d+">', document)) == 1_000
    assert re.findall(r'<details class="(changes [^"]+)"( open="open")?>', document) == [
        ("changes delete many", ""),
        ("changes replace many", ""),
        ("changes update many", ""),
        ("changes create many", ""),
    ]
    assert "Data at risk: 100<" in document


def test_risks_beyond_the_first_are_folded_and_counted() -> None:
    document = page(huge(2_000))
    assert "Data at risk: 200<" in document
    assert "<summary>56 more</summary>" in document


def test_a_stack_that_does_not_change_is_one_row() -> None:
    text = _Parsed(page(examples()["harmless"])).text
    assert "prod nothing changes" in text
    assert "stack prod" not in text


def test_a_page_is_always_the_same() -> None:
    assert page(eventful()) == page(eventful())


def _one(change: PropertyChange) -> Diff:
    changed = resource_change(Action.UPDATE, "aws:sqs/queue:Queue", "runs", properties=[change])
    return Diff(BASE, HEAD, [StackDiff("prod", Status.CHANGED, [changed])])


def _assert_inert(parsed: _Parsed) -> None:
    assert set(parsed.tags).isdisjoint(_FOREIGN)
    names = {name for name, _ in parsed.attributes}
    assert {name for name in names if name.startswith("on")} == set()
    assert names.isdisjoint({"style", "src", "srcset", "action", "formaction", "xlink:href"})
    assert [value for name, value in parsed.attributes if name == "href" and not (value or "").startswith("#s")] == []


def test_the_summary_has_no_column_that_is_empty_in_all_rows() -> None:
    found = re.search(r'<table class="summary">.*?</table>', page(harmless()))
    assert found is not None
    assert re.findall(r'<th scope="col">(.*?)</th>', found[0]) == ["Stack", "Update"]
    found = re.search(r'<table class="summary">.*?</table>', page(eventful()))
    assert found is not None
    assert re.findall(r'<th scope="col">(.*?)</th>', found[0]) == [
        "Stack",
        "Data at risk",
        "Access",
        "Delete",
        "Replace",
        "Rename",
        "Update",
        "Create",
        "USD a month, idle",
    ]
