#!/usr/bin/env python3
"""Tests of check_includes.py: a small tree per rule, one include that breaks it."""

import pathlib
import tempfile
import unittest

import check_includes

CLEAN = {
    "runtime/weir.hpp": "#include <weir/operators/stream.hpp>\n#include <weir/runtime/block.hpp>",
    "runtime/block.hpp": "#include <vector>",
    "runtime/block.cpp": "#include <weir/runtime/block.hpp>\n#include <weir/runtime/internal/pool.hpp>",
    "runtime/internal/pool.hpp": "",
    "runtime/detail/list.hpp": "",
    "runtime/list.hpp": "#include <weir/runtime/detail/list.hpp>",
    "runtime/context.cpp": "#include <weir/actors/actor_executor.hpp>",
    "backpressure/pid.hpp": "#include <weir/runtime/block.hpp>",
    "operators/stream.hpp": "#include <weir/runtime/block.hpp>",
    "actors/actor_executor.hpp": "#include <caf/all.hpp>\n#include <weir/runtime/block.hpp>",
    "connectors/console.cpp": "#include <weir/operators/stream.hpp>",
    "connectors/kafka.hpp": "#include <weir/connectors/kafka/options.hpp>",
    "connectors/kafka/options.hpp": "",
    "connectors/kafka/internal/client.hpp": "#include <librdkafka/rdkafka.h>",
    "connectors/kafka/receiver.cpp": "#include <weir/connectors/kafka/internal/client.hpp>",
    "examples/count.cpp": "#include <weir/weir.hpp>\n#include <weir/connectors/kafka.hpp>",
    "tests/unit/block_test.cpp": '#include "helper.hpp"\n#include <caf/all.hpp>',
    "tests/unit/helper.hpp": "#include <weir/runtime/internal/pool.hpp>",
}


def findings_with(files=()):
    """Findings in the clean tree with some files added or replaced."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for path, text in {**CLEAN, **dict(files)}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        return check_includes.check(root)


class Rules(unittest.TestCase):
    def breaks(self, path, include, said):
        findings = findings_with(files={path: include})
        self.assertEqual(len(findings), 1, findings)
        self.assertIn(said, findings[0])
        self.assertTrue(findings[0].startswith(f"{path}:1: "), findings[0])

    def allows(self, path, include):
        self.assertEqual(findings_with(files={path: include}), [])

    def test_the_clean_tree_has_no_findings(self):
        self.assertEqual(findings_with(), [])

    def test_folders_do_not_include_upwards_or_sideways(self):
        wrong = [
            ("runtime/x.cpp", "operators/stream.hpp"),
            ("runtime/x.cpp", "actors/actor_executor.hpp"),
            ("backpressure/x.cpp", "operators/stream.hpp"),
            ("operators/x.cpp", "backpressure/pid.hpp"),
            ("operators/x.cpp", "actors/actor_executor.hpp"),
            ("actors/x.cpp", "operators/stream.hpp"),
            ("connectors/x.cpp", "actors/actor_executor.hpp"),
            ("connectors/x.cpp", "connectors/kafka/options.hpp"),
            ("dashboard/x.cpp", "operators/stream.hpp"),
            ("examples/x.cpp", "actors/actor_executor.hpp"),
            ("tools/x.cpp", "actors/actor_executor.hpp"),
        ]
        for path, header in wrong:
            with self.subTest(path=path, header=header):
                self.breaks(path, f"#include <weir/{header}>", "must not include")

    def test_only_programs_and_tests_take_the_umbrella(self):
        self.breaks("connectors/x.cpp", "#include <weir/weir.hpp>", "carries everything")
        self.allows("examples/x.cpp", "#include <weir/weir.hpp>")

    def test_the_umbrella_shows_no_actors_and_no_component(self):
        for header in ("actors/actor_executor.hpp", "connectors/kafka.hpp"):
            self.breaks("runtime/weir.hpp", f"#include <weir/{header}>", "stays free")

    def test_private_headers_stay_in_their_folder(self):
        self.breaks("operators/x.cpp", "#include <weir/runtime/internal/pool.hpp>", "private to")
        self.breaks("operators/x.hpp", "#include <weir/runtime/detail/list.hpp>", "private to")
        self.breaks("runtime/x.hpp", "#include <weir/runtime/internal/pool.hpp>", "not installed")
        self.allows("actors/x.cpp", "#include <weir/runtime/internal/pool.hpp>")

    def test_libraries_stay_where_they_belong(self):
        self.breaks("runtime/x.cpp", "#include <caf/all.hpp>", "CAF belongs in")
        self.breaks("connectors/x.cpp", "#include <librdkafka/rdkafka.h>", "librdkafka belongs in")
        self.breaks("actors/x.cpp", "#  include <boost/asio/io_context.hpp>", "Boost.Asio belongs in")
        self.breaks("runtime/x.cpp", "#include <boost/asio.hpp>", "Boost.Asio belongs in")
        self.allows("connectors/x.cpp", "#include <boost/asio.hpp>")

    def test_installed_headers_show_no_foreign_runtime(self):
        self.breaks("connectors/kafka/x.hpp", "#include <librdkafka/rdkafka.h>", "installed header")
        self.breaks("connectors/x.hpp", "#include <boost/asio.hpp>", "installed header")
        self.allows("connectors/asio.hpp", "#include <boost/asio.hpp>")

    def test_there_is_one_spelling(self):
        self.breaks("runtime/x.cpp", '#include "block.hpp"', "the one spelling")

    def test_a_header_that_is_not_there_is_named(self):
        self.breaks("runtime/x.cpp", "#include <weir/runtime/gone.hpp>", "does not exist")

    def test_a_cycle_is_reported_once_with_its_members(self):
        findings = findings_with(files={
            "runtime/a.hpp": "#include <weir/runtime/b.hpp>",
            "runtime/b.hpp": "#include <weir/runtime/a.hpp>",
        })
        self.assertEqual(findings, ["cycle: runtime/a.hpp -> runtime/b.hpp -> runtime/a.hpp"])


if __name__ == "__main__":
    unittest.main()
