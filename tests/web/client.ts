// Uses the service through a client that is typed by its description: every operation once, and a refusal.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Item = components["schemas"]["ItemResponse"];

const client = createClient<paths>({ baseUrl: process.argv[2] ?? "" });

function expect<T>(answer: { data?: T; error?: unknown; response: Response }, status: number): T {
  assert.equal(answer.response.status, status, JSON.stringify(answer.error));
  return answer.data as T;
}

const created: Item = expect(await client.POST("/items/", { body: { name: "lamp", description: null } }), 201);
assert.equal(created.name, "lamp");
assert.equal(created.description, null);
const params = { path: { item_id: created.id } };

const listed: Item[] = expect(await client.GET("/items/", { params: { query: { skip: 0, limit: 1000 } } }), 200);
assert.deepEqual(listed.find((each) => each.id === created.id), created);

const read: Item = expect(await client.GET("/items/{item_id}", { params }), 200);
assert.deepEqual(read, created);

const replaced: Item = expect(
  await client.PUT("/items/{item_id}", { params, body: { name: "desk lamp", description: "warm" } }), 200);
assert.deepEqual(replaced, { name: "desk lamp", description: "warm", id: created.id });

const updated: Item = expect(await client.PATCH("/items/{item_id}", { params, body: { description: "cold" } }), 200);
assert.deepEqual(updated, { name: "desk lamp", description: "cold", id: created.id });

expect(await client.DELETE("/items/{item_id}", { params }), 204);
const gone = await client.GET("/items/{item_id}", { params });
assert.equal(gone.response.status, 404);

// @ts-expect-error a name is required: the compiler sees it, and so does the service
const refused = await client.POST("/items/", { body: {} });
assert.equal(refused.response.status, 422);
if (refused.error && "detail" in refused.error && Array.isArray(refused.error.detail))
  assert.deepEqual(refused.error.detail[0]?.loc, ["body", "name"]);

console.log("created, listed, read, replaced, updated and deleted an item");
