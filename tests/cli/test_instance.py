from __future__ import annotations

from tests.cli.command import Command

START = "2025-03-01T00:00:00+08:00"


def test_a_new_database_becomes_a_sandbox_whose_clock_starts_where_it_is_told(on_new_file: Command) -> None:
    assert "run tariffbook migrate first" in on_new_file.refused("clock")
    on_new_file.done("migrate", "--sandbox", "--start", START)
    assert on_new_file.done("clock").text.startswith("2025-03-01T00:00:")
    assert on_new_file.done("migrate").lines == ["the schema is current"]
    assert on_new_file.done("clock").text.startswith("2025-03-01T00:00:"), "migrating again changes nothing"


def test_a_real_database_keeps_the_time_of_day_and_its_clock_is_nobodys_to_move(on_new_file: Command) -> None:
    on_new_file.done("migrate")
    assert "not_sandbox" in on_new_file.refused("clock", "2099-01-01T00:00:00+08:00")
    assert "instance_fixed" in on_new_file.refused("migrate", "--sandbox")


def test_a_start_is_for_a_sandbox_only(on_new_file: Command) -> None:
    ended = on_new_file.end("migrate", "--start", START)
    assert ended.code == 2
    assert "--sandbox" in ended.err


def test_the_clock_of_a_sandbox_moves_forward_only(command: Command) -> None:
    assert command.done("clock", "2025-04-01T09:00:00+08:00").text.startswith("2025-04-01T09:00:0")
    assert "clock_backwards" in command.refused("clock", "2025-03-01T00:00:00+08:00")
    assert command.end("clock", "2025-04-02T09:00:00").code == 2, "an instant has an offset"


def test_answers_are_forgotten_by_their_age(command: Command) -> None:
    assert command.done("prune").lines == ["forgot 0 answers"]
