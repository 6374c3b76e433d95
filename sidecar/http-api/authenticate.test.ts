import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { testApp } from "../core/testing/doubles.ts";
import { checkBody, checkQuery } from "./authenticate.ts";
import { parseQuery } from "./query.ts";

interface Recorded {
  readonly key: string;
  readonly secret: string;
  readonly method: string;
  readonly target: string;
  readonly body: string;
}

const channelsOfGo = { key: "d41a439c438a100756f5", secret: "4bf35003e819bb138249" };

/** Requests that the SDKs' own tests expect of them, byte by byte. */
const recorded: Record<string, Recorded> = {
  "pusher-http-go request_url_test.go TestTriggerRequestUrl": {
    key: "278d425bdf160c739803",
    secret: "7ad3773142a6692b25b8",
    method: "POST",
    target:
      "/apps/3/events?auth_key=278d425bdf160c739803&auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c&auth_timestamp=1353088179&auth_version=1.0&body_md5=ec365a775a4cd0599faeb73354201b6f",
    body: '{"name":"foo","channels":["project-3"],"data":"{\\"some\\":\\"data\\"}"}',
  },
  "pusher-http-go request_url_test.go TestGetAllChannelsUrl": {
    ...channelsOfGo,
    method: "GET",
    target:
      "/apps/102015/channels?auth_key=d41a439c438a100756f5&auth_signature=4d8a02edcc8a758b0162cd6da690a9a45fb8ae326a276dca1e06a0bc42796c11&auth_timestamp=1427034994&auth_version=1.0&filter_by_prefix=presence-&info=user_count",
    body: "",
  },
  "pusher-http-go request_url_test.go TestGetChannelUrl": {
    ...channelsOfGo,
    method: "GET",
    target:
      "/apps/102015/channels/presence-session-d41a439c438a100756f5-4bf35003e819bb138249-ROpCFmgFhXY?auth_key=d41a439c438a100756f5&auth_signature=f93ceb31f396aef336226efe512aaf339bd5e39c7c2c04b81cc8681dc16ee785&auth_timestamp=1427053326&auth_version=1.0&info=user_count,subscription_count",
    body: "",
  },
  "pusher-http-go request_url_test.go TestGetUsersUrl": {
    ...channelsOfGo,
    method: "GET",
    target:
      "/apps/102015/channels/presence-session-d41a439c438a100756f5-4bf35003e819bb138249-nYJLy67qh52/users?auth_key=d41a439c438a100756f5&auth_signature=207feaf4e8efeb24e5f148011704251bf90e2059a5f97a3eb52d06178b11feca&auth_timestamp=1427053709&auth_version=1.0",
    body: "",
  },
  "pusher-http-python test_request.py test_get_signature_generation": {
    key: "key",
    secret: "secret",
    method: "GET",
    target:
      "/some/obscure/api?auth_key=key&auth_signature=5c49f04a95eedc9028b1e0e8de7c2c7ad63504a0e3b5c145d2accaef6c14dbac&auth_timestamp=1000&auth_version=1.0&body_md5=d41d8cd98f00b204e9800998ecf8427e&foo=bar",
    body: "",
  },
  "pusher-http-python test_request.py test_post_signature_generation": {
    key: "key",
    secret: "secret",
    method: "POST",
    target:
      "/some/obscure/api?auth_key=key&auth_signature=e05fa4cafee86311746ee3981d5581a5e4e87c27bbab0aeb1059e2df5c90258b&auth_timestamp=1000&auth_version=1.0&body_md5=94232c5b8fc9272f6f73a1e36eb68fcf",
    body: '{"foo": "bar"}',
  },
};

/** What is wrong with it; null: nothing. */
function check({ key, secret, method, target, body }: Recorded): string | null {
  const [path = "", search = ""] = target.split("?");
  const app = { ...testApp, key, secret };
  const request = { method, paths: [path], query: parseQuery(search) };
  const nowSeconds = Number(request.query.get("auth_timestamp"));
  const query = checkQuery(app, request, { nowSeconds, toleranceSeconds: 0 });
  return query.kind === "refused"
    ? query.refusal
    : checkBody(app, request, query, Buffer.from(body));
}

describe("signatures of the SDKs", () => {
  for (const [source, request] of Object.entries(recorded)) {
    it(`A03: ${source}`, () => {
      assert.equal(check(request), null);
      assert.notEqual(check({ ...request, body: `${request.body} ` }), null);
      assert.equal(check({ ...request, secret: "other" }), "auth_signature");
      const target = request.target.replace("auth_version=1.0", "auth_version=1.0&more=1");
      assert.equal(check({ ...request, target }), "auth_signature");
    });
  }
});
