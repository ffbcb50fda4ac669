import { assert, integer, property, uniqueArray } from "fast-check";
import { describe, expect, it } from "vitest";
import { EventParser } from "./event-stream.ts";

const whole = 'event: status\r\ndata: {"a":\r\ndata: 1}\r\n\r\n:keep-alive\n\nid: 9\rdata:two\r\rretry: 250\ndata\n\n';

describe("the event parser", () => {
  it("gives the same events wherever the text is cut", () => {
    const expected = [
      { event: "status", data: '{"a":\n1}', id: null },
      { event: "message", data: "two", id: "9" },
      { event: "message", data: "", id: "9" },
    ];
    assert(
      property(uniqueArray(integer({ min: 1, max: whole.length - 1 })), (cuts) => {
        const parser = new EventParser();
        const places = [0, ...cuts.sort((a, b) => a - b), whole.length];
        const events = places.slice(1).flatMap((end, index) => parser.push(whole.slice(places[index], end)));
        expect(events).toEqual(expected);
        expect(parser.retryMs).toBe(250);
      }),
    );
  });
});
