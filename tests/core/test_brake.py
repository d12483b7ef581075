"""The brake over batches of files."""

from importer.core.brake import FEWEST, Batch, BrakePolicy, Understood

POLICY = BrakePolicy(files_per_reference=25, fallback_share=0.5)


def batch(*groups, policy=POLICY):
    """Of groups (how many files, reference, by a fallback rule)."""
    made = Batch("B1", policy)
    for count, reference, by_fallback in groups:
        made = made.joined_by([Understood(reference, by_fallback)] * count)
    return made


def test_a_reference_with_a_usual_number_of_files_passes():
    assert batch((25, "RE1", False), (25, "RE2", False)).doubt("RE1") is None


def test_one_file_too_many_brakes_that_reference_and_no_other():
    crowded = batch((26, "RE1", False), (3, "RE2", False))
    reason = crowded.doubt("RE1")
    assert reason.code == "unusual_batch"
    assert reason.details == {"batch": "B1", "invoice_reference": "RE1", "files": 26, "limit": 25}
    assert "importer resolve --batch B1 --accept" in reason.message
    assert crowded.doubt("RE2") is None


def test_files_that_come_later_count_with_those_before():
    growing = batch((20, "RE1", False))
    assert growing.doubt("RE1") is None
    assert growing.joined_by([Understood("RE1", False)] * 6).doubt("RE1") is not None


def test_too_many_guesses_brake_the_whole_batch():
    guessed = batch(*((1, f"RE{n}", n < 13) for n in range(24)))
    assert guessed.doubt("RE20").details == {"batch": "B1", "files": 24, "guessed": 13}


def test_a_share_on_the_limit_passes():
    assert batch(*((1, f"RE{n}", n < 12) for n in range(24))).doubt("RE1") is None


def test_a_share_of_few_files_says_nothing():
    assert batch(*((1, f"RE{n}", True) for n in range(FEWEST - 1))).doubt("RE1") is None


def test_the_brake_can_be_off():
    never = BrakePolicy(files_per_reference=0, fallback_share=1.0)
    assert batch((500, "RE1", True), policy=never).doubt("RE1") is None
