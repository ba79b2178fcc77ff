// Lists products and opens a cart with the client that openapi-typescript and openapi-fetch make of the API description.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { env: Record<string, string | undefined>; exitCode: number };

const client = createClient<paths>({
  baseUrl: process.env.BLOOM_URL ?? "",
  headers: { Authorization: `Bearer ${process.env.BLOOM_PUBLISHABLE_KEY ?? ""}` },
});

const { data: page, error } = await client.GET("/v1/catalog/products", { params: { query: { limit: 2 } } });
if (error) {
  const problem: components["schemas"]["Problem"] = error;
  throw new Error(`${problem.code}: ${problem.detail}`);
}
// Fields that always come are not optional: this compiles only when the description says so.
const titles: string[] = page.data.map((product) => product.title);
const limit: number = page.page.limit;
const unknown = await client.GET("/v1/catalog/products/{product_id}", { params: { path: { product_id: "prod_0" } } });
const code: string | undefined = unknown.error?.code;
if (titles.length !== limit || code !== "not_found") {
  process.exitCode = 1;
}
console.log(`TypeScript: ${titles.join(", ")}; an unknown id is refused as ${code ?? "nothing"}`);
