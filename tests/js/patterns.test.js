import assert from "node:assert/strict";
import { test } from "node:test";

import { fits } from "../../static/chat/frame/elements/form-field.js";

const HANGING = ["(a+)+$", "(?:a*)*b", "((a)+b?)+c", "(a|aa)+b", "(?<x>a{1,9}){2,}b", "a*a*a*a*a*a*a*b", "(a+){30}b", "([)]a+)+b", "(a+)+?b", "(?:a*a*a*)(?:a*a*a*)b", "a?a*a+a*a*b"];
for (const pattern of HANGING) {
  test(`${pattern} is not tried`, () => {
    const begun = performance.now();
    assert.equal(fits(pattern, `${"a".repeat(63)}!`), true);
    assert.ok(performance.now() - begun < 1_000);
  });
}

const TRIED = /** @type {const} */ ([
  ["\\d{5}", "25813", "2581"],
  ["\\(?\\d{3}\\)?[ -]?\\d{3}[ -]?\\d{4}", "(030) 555-1234", "030"],
  ["(?:[A-Z]{2}-)?\\d+", "HU-17", "hu"],
  ["[^@]+@[^@]+\\.[a-z]+", "gus@shop.example", "gus"],
  ["(yes|no)", "yes", "perhaps"],
  ["[(]\\+*[)]", "(++)", "("],
  ["(\\d{2}){3}", "123456", "12345"],
]);
for (const [pattern, good, bad] of TRIED) test(`${pattern} is tried`, () => assert.deepEqual([good, bad].map((value) => fits(pattern, value)), [true, false]));

test("a long value, a long pattern and no pattern stand", () => {
  assert.deepEqual([fits("b+", "a".repeat(64)), fits("b+", "a".repeat(65))], [false, true]);
  assert.equal(fits("b".repeat(201), "a"), true);
  assert.equal(fits("(", "a"), true);
});
