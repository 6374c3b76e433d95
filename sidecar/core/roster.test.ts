import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { memberKey, type Member } from "./presence.ts";
import { Roster, type RosterChange } from "./roster.ts";

function member(userId: string | number): Member {
  return { userId, userInfo: {} };
}

/** A roster, what it announced, and who is listed by that. */
function createRoster(options?: { isTrusted: boolean }) {
  const announced: string[] = [];
  const listed = new Set<string>();
  const roster = new Roster(
    {
      added(joined) {
        assert.ok(!listed.has(memberKey(joined)), "nobody is added twice");
        listed.add(memberKey(joined));
        announced.push(`+${joined.userId}`);
      },
      removed(left) {
        assert.ok(listed.delete(memberKey(left)), "nobody is removed who was not there");
        announced.push(`-${left.userId}`);
      },
    },
    options,
  );
  const ids = () => [...roster.members()].map(memberKey);
  return { roster, announced, listed, ids };
}

const added = (version: number, id: string): RosterChange => ({
  kind: "added",
  version,
  member: member(id),
});
const removed = (version: number, userKey: string): RosterChange => ({
  kind: "removed",
  version,
  userKey,
});

describe("roster", () => {
  it("of one node: a user is there exactly while it has a connection", () => {
    const step = fc.record({
      join: fc.boolean(),
      id: fc.constantFrom<string | number>("a", "b", 1, "1"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const { roster, listed, ids } = createRoster();
        const model = new Map<string, number>();
        for (const { join, id } of steps) {
          const count = model.get(String(id)) ?? 0;
          if (join) {
            assert.equal(roster.join(member(id)), count === 0);
            model.set(String(id), count + 1);
          } else {
            assert.equal(roster.leave(member(id)), count === 1);
            if (count > 1) model.set(String(id), count - 1);
            else model.delete(String(id));
          }
          assert.deepEqual(ids().toSorted(), [...model.keys()].toSorted());
          assert.deepEqual([...listed].toSorted(), [...model.keys()].toSorted());
          assert.equal(roster.userCount, model.size);
        }
      }),
    );
  });

  it("lists whom the store names, in the order in which they came", () => {
    const { roster, ids, announced } = createRoster();
    roster.load({ version: 7, members: [member("c"), member("a")] });
    assert.ok(roster.apply(added(8, "b")));
    assert.deepEqual(ids(), ["c", "a", "b"]);
    assert.deepEqual(announced, ["+c", "+a", "+b"]);
  });

  it("changes that it has already are nothing new", () => {
    const { roster, announced } = createRoster();
    roster.load({ version: 3, members: [member("a")] });
    assert.ok(roster.apply(added(3, "a")));
    assert.ok(roster.apply(removed(2, "a")));
    assert.deepEqual(announced, ["+a"]);
  });

  it("keeps what comes before the snapshot, and applies what is newer", () => {
    const { roster, ids } = createRoster();
    assert.equal(roster.isLoaded, false);
    for (const change of [added(4, "a"), added(5, "b"), removed(6, "a")]) roster.apply(change);
    assert.deepEqual(ids(), []);
    assert.ok(roster.load({ version: 5, members: [member("a"), member("b")] }));
    assert.deepEqual(ids(), ["b"]);
  });

  it("a missed change asks for a snapshot, which says what was missed", () => {
    const { roster, announced } = createRoster();
    roster.load({ version: 1, members: [member("a")] });
    assert.equal(roster.apply(added(3, "c")), false);
    assert.equal(roster.isLoaded, false);
    assert.ok(roster.load({ version: 3, members: [member("b"), member("c")] }));
    assert.deepEqual(announced.toSorted(), ["+a", "+b", "+c", "-a"].toSorted());
  });

  it("a change that is missed between snapshot and what was kept asks again", () => {
    const { roster } = createRoster();
    roster.apply(added(9, "z"));
    assert.equal(roster.load({ version: 5, members: [] }), false);
    assert.equal(roster.isLoaded, false);
  });

  it("keeps a bounded number of changes", () => {
    const { roster } = createRoster();
    let wasWhole = true;
    for (let version = 1; version <= 1_001; version++) {
      wasWhole = roster.apply(added(version, `u${version}`));
    }
    assert.equal(wasWhole, false);
  });

  it("a user who leaves here stays until the store has said so, if the store has it from here", () => {
    const { roster, announced } = createRoster();
    roster.load({ version: 0, members: [] });
    roster.join(member("a"));
    // Told to the store, whose change is still on its way.
    roster.leave(member("a"), true);
    assert.deepEqual(announced, ["+a"]);
    roster.apply(added(1, "a"));
    roster.apply(removed(2, "a"));
    assert.deepEqual(announced, ["+a", "-a"]);
  });

  it("a user who is here is listed whatever the store says", () => {
    const { roster, announced } = createRoster();
    roster.load({ version: 1, members: [member("a")] });
    roster.join(member("a"));
    roster.apply(removed(2, "a"));
    roster.load({ version: 2, members: [] });
    assert.deepEqual(announced, ["+a"]);
    roster.leave(member("a"));
    assert.deepEqual(announced, ["+a", "-a"]);
  });

  it("an outage takes nobody off; who has left meanwhile is taken off once, afterwards", () => {
    const { roster, announced } = createRoster();
    roster.load({ version: 5, members: [member("stays"), member("leaves"), member("late")] });
    announced.length = 0;
    roster.distrust();
    roster.awaitSnapshot();
    roster.join(member("comes"));
    // Emptied, and the others are not all back yet.
    roster.load({ version: 1, members: [member("comes")] });
    roster.apply(added(2, "stays"));
    roster.apply(removed(3, "stays"));
    roster.apply(added(4, "stays"));
    roster.apply(added(5, "late"));
    assert.deepEqual(announced, ["+comes"]);
    roster.trust();
    assert.deepEqual(announced, ["+comes", "-leaves"]);
  });

  it("whatever happens, it ends as the store and this node's connections say, and announces each change once", () => {
    const ids = ["a", "b", "c"];
    const id = fc.constantFrom(...ids);
    const step = fc.oneof(
      fc.record({ do: fc.constant("join" as const), id }),
      fc.record({ do: fc.constant("leave" as const), id, isStored: fc.boolean() }),
      fc.record({ do: fc.constant("elsewhere" as const), id, isThere: fc.boolean() }),
      fc.record({ do: fc.constant("lost" as const) }),
      fc.record({ do: fc.constant("miss" as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
        const { roster, listed } = createRoster();
        const stored = new Map<string, Member>();
        let version = 0;
        let isMissing = false;
        roster.load({ version, members: [] });
        const change = (key: string, isThere: boolean): void => {
          if (stored.has(key) === isThere) return;
          version += 1;
          if (isThere) stored.set(key, member(key));
          else stored.delete(key);
          if (isMissing) return;
          const isWhole = roster.apply(isThere ? added(version, key) : removed(version, key));
          if (!isWhole) roster.load({ version, members: [...stored.values()] });
        };
        const here = new Map<string, number>();
        for (const at of steps) {
          if (at.do === "join") {
            roster.join(member(at.id));
            here.set(at.id, (here.get(at.id) ?? 0) + 1);
          } else if (at.do === "leave") {
            roster.leave(member(at.id), stored.has(at.id));
            here.set(at.id, Math.max(0, (here.get(at.id) ?? 0) - 1));
          } else if (at.do === "elsewhere") {
            change(at.id, at.isThere);
          } else if (at.do === "lost") {
            isMissing = false;
            roster.distrust();
            roster.awaitSnapshot();
            roster.load({ version, members: [...stored.values()] });
            roster.trust();
          } else {
            isMissing = true;
          }
          for (const key of ids) if ((here.get(key) ?? 0) > 0) assert.ok(listed.has(key));
        }
        roster.awaitSnapshot();
        roster.load({ version, members: [...stored.values()] });
        roster.trust();
        const expected = ids.filter((key) => stored.has(key) || (here.get(key) ?? 0) > 0);
        assert.deepEqual([...listed].toSorted(), expected);
      }),
      { numRuns: 500 },
    );
  });
});
