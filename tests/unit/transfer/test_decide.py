"""When records move by themselves (docs/transfer.md), condition by condition."""

import datetime as dt
from dataclasses import replace
from uuid import UUID, uuid4

from services.transfer.domain.deciding import (
    Arrival,
    Comparison,
    Condition,
    Departure,
    Offer,
    Request,
    Same,
    Verdict,
    decide,
    matched,
    opened,
    withdrawn,
)
from shared.identifiers import Uai

SEPTEMBER = dt.datetime(2025, 9, 15, 16, 2, 31, tzinfo=dt.UTC)
JANUARY = dt.datetime(2026, 1, 13, 9, 15, tzinfo=dt.UTC)

LEFT = Departure(
    pupil_id=UUID(int=1),
    uai=Uai("9990001X"),
    stay=1,
    active=False,
    since=JANUARY,
    activated=SEPTEMBER,
    participates=True,
    request=None,
)
ARRIVED = Arrival(
    pupil_id=UUID(int=2),
    uai=Uai("9990002Y"),
    horodatage=JANUARY,
    participates=True,
    comparison=Comparison(Same.SAME, Same.SAME, Same.SAME),
    busy=False,
)

OTHER_BIRTH = Comparison(Same.DIFFERENT, Same.SAME, Same.SAME)
OTHER_NAME = Comparison(Same.SAME, Same.DIFFERENT, Same.SAME)


def missing(departure: Departure, *arrivals: Arrival) -> Condition | None:
    return decide(departure, arrivals).missing


def test_records_move_when_every_condition_holds() -> None:
    decision = decide(LEFT, [ARRIVED])
    assert decision.arrival == ARRIVED
    assert decision.missing is None


def test_nothing_leaves_a_school_where_the_learner_is_still_active() -> None:
    assert missing(replace(LEFT, active=True), ARRIVED) is Condition.ACTIVE_AT_ORIGIN


def test_a_departure_waits_for_an_arrival() -> None:
    assert missing(LEFT) is Condition.NO_ARRIVAL


def test_a_school_whose_list_is_older_than_the_stay_at_the_origin_claims_nobody() -> None:
    stale = replace(ARRIVED, horodatage=SEPTEMBER - dt.timedelta(days=365))
    assert missing(LEFT, stale) is Condition.DESTINATION_IMPORT
    assert missing(LEFT, replace(ARRIVED, horodatage=SEPTEMBER)) is Condition.DESTINATION_IMPORT


def test_a_school_that_has_never_imported_claims_nobody() -> None:
    assert missing(LEFT, replace(ARRIVED, horodatage=None)) is Condition.DESTINATION_IMPORT


def test_two_schools_that_claim_the_learner_are_shown_to_people() -> None:
    other = replace(ARRIVED, pupil_id=uuid4(), uai=Uai("9990003Z"), participates=False)
    assert missing(LEFT, ARRIVED, other) is Condition.SEVERAL_ARRIVALS


def test_a_stale_list_does_not_make_a_second_claim() -> None:
    stale = replace(ARRIVED, pupil_id=uuid4(), horodatage=SEPTEMBER)
    assert decide(LEFT, [ARRIVED, stale]).arrival == ARRIVED


def test_an_equal_ine_with_another_birth_date_is_shown_to_people() -> None:
    assert missing(LEFT, replace(ARRIVED, comparison=OTHER_BIRTH)) is Condition.BIRTH_DIFFERS


def test_another_name_moves_and_is_flagged() -> None:
    decision = decide(LEFT, [replace(ARRIVED, comparison=OTHER_NAME)])
    assert decision.arrival is not None
    assert decision.arrival.comparison.names_differ


def test_the_switch_of_either_school_stops_the_move() -> None:
    assert missing(replace(LEFT, participates=False), ARRIVED) is Condition.ORIGIN_SWITCH
    assert missing(LEFT, replace(ARRIVED, participates=False)) is Condition.DESTINATION_SWITCH


def test_a_pair_waits_for_another_request_that_shares_a_learner() -> None:
    assert missing(LEFT, replace(ARRIVED, busy=True)) is Condition.OTHER_REQUEST


def test_two_departures_to_one_arrival_go_one_after_the_other_the_earliest_first() -> None:
    earlier = replace(LEFT, pupil_id=UUID(int=9), since=SEPTEMBER)
    decisions = [decide(LEFT, [ARRIVED]), decide(earlier, [ARRIVED])]
    assert [decision.departure for decision in opened(decisions)] == [earlier]


def under_way(to: UUID, *, stay: int = 1, withdrawn: bool = False) -> Departure:
    return replace(LEFT, request=Request(UUID(int=7), stay, to, withdrawn))


def test_a_request_under_way_is_neither_opened_again_nor_taken_back_while_all_holds() -> None:
    decision = decide(under_way(ARRIVED.pupil_id), [ARRIVED])
    assert opened([decision]) == []
    assert withdrawn([decision]) == []


def test_a_request_is_taken_back_when_a_condition_no_longer_holds() -> None:
    back = replace(under_way(ARRIVED.pupil_id), active=True)
    assert withdrawn([decide(back, [ARRIVED])]) == [UUID(int=7)]
    switched_off = under_way(ARRIVED.pupil_id)
    arrival = replace(ARRIVED, participates=False)
    assert withdrawn([decide(switched_off, [arrival])]) == [UUID(int=7)]


def test_a_request_for_an_earlier_stay_is_taken_back() -> None:
    later = replace(under_way(ARRIVED.pupil_id, stay=1), stay=2)
    assert withdrawn([decide(later, [ARRIVED])]) == [UUID(int=7)]


def test_a_request_is_taken_back_only_once() -> None:
    asked = replace(under_way(ARRIVED.pupil_id, withdrawn=True), active=True)
    assert withdrawn([decide(asked, [ARRIVED])]) == []


def test_rule_7_not_the_same_person_by_either_side_takes_a_claim_out() -> None:
    other = replace(ARRIVED, pupil_id=uuid4(), uai=Uai("9990003Z"))
    apart = replace(other, verdict=Verdict.DIFFERENT)
    assert decide(LEFT, [ARRIVED, apart]).arrival == ARRIVED
    assert missing(LEFT, apart) is Condition.NO_ARRIVAL


def test_rule_7_the_same_person_settles_a_birth_date_and_names_the_destination() -> None:
    named = replace(ARRIVED, comparison=OTHER_BIRTH, verdict=Verdict.SAME)
    other = replace(ARRIVED, pupil_id=uuid4(), uai=Uai("9990003Z"))
    assert decide(LEFT, [named, other]).arrival == named
    proposed = replace(named, verdict=Verdict.PROPOSED)
    assert missing(LEFT, proposed) is Condition.BIRTH_DIFFERS
    assert missing(LEFT, proposed, other) is Condition.SEVERAL_ARRIVALS


def test_an_opposition_of_either_side_stops_the_move() -> None:
    assert missing(replace(LEFT, opposed=True), ARRIVED) is Condition.OPPOSITION
    assert missing(LEFT, replace(ARRIVED, opposed=True)) is Condition.OPPOSITION


def test_rule_6_a_pair_that_was_reversed_is_passed_over() -> None:
    held = replace(ARRIVED, held=True)
    assert missing(LEFT, held) is Condition.HELD
    other = replace(ARRIVED, pupil_id=uuid4(), uai=Uai("9990003Z"))
    assert decide(LEFT, [held, other]).arrival == other


def test_rule_8_an_offer_by_hand_holds_the_match_and_is_told_of_it() -> None:
    offered = replace(LEFT, offer=Offer(UUID(int=5), None))
    decision = decide(offered, [ARRIVED])
    assert decision.missing is Condition.OFFERED
    assert matched([decision]) == {UUID(int=5): ARRIVED.pupil_id}
    told = replace(LEFT, offer=Offer(UUID(int=5), ARRIVED.pupil_id))
    assert matched([decide(told, [ARRIVED])]) == {}
    assert matched([decide(told, [])]) == {UUID(int=5): None}


def test_rule_12_nothing_is_opened_or_taken_back_while_keys_of_two_versions_are_present() -> None:
    rotating = replace(LEFT, rotating=True)
    assert missing(rotating, ARRIVED) is Condition.KEY_ROTATION
    asked = replace(under_way(ARRIVED.pupil_id), rotating=True)
    assert withdrawn([decide(asked, [])]) == []
    assert withdrawn([decide(replace(asked, active=True), [])]) == [UUID(int=7)]


def test_a_request_by_hand_needs_no_match_but_both_switches() -> None:
    request = Request(UUID(int=7), 1, ARRIVED.pupil_id, withdrawn=False, by_hand=True)
    by_hand = replace(LEFT, request=request)
    assert withdrawn([decide(by_hand, [])]) == []
    assert withdrawn([decide(replace(by_hand, participates=False), [])]) == [UUID(int=7)]
    off = replace(by_hand, request=replace(request, destination_participates=False))
    assert withdrawn([decide(off, [])]) == [UUID(int=7)]
    assert withdrawn([decide(replace(by_hand, opposed=True), [])]) == [UUID(int=7)]
