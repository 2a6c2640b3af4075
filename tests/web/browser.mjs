// browser.mjs <url> <directory>: reads the pages in a headless Chromium and tries one request out.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { chromium } from "playwright-core";

const [url, screenshots] = process.argv.slice(2);
const { origin } = new URL(url);
await mkdir(screenshots, { recursive: true });

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // Nothing but this machine can be reached, as without internet.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
  ],
});

// Redoc shows a logo from its maker's site, which the page's Content-Security-Policy stops.
const stopped = /^Loading the image 'https:\/\/cdn\.redoc\.ly\/\S+' violates .*Content Security Policy/;

// Opens a page that must not make a request elsewhere, nor complain of anything else.
async function open(path) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1600 } });
  const left = [];
  const complaints = [];
  page.on("request", (request) => {
    const target = new URL(request.url());
    if (!["data:", "blob:"].includes(target.protocol) && target.origin !== origin) left.push(request);
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
  });
  page.on("console", (message) => {
    if (message.type() === "error" && !stopped.test(message.text())) complaints.push(message.text());
  });
  await page.goto(new URL(path, url).href);
  const close = async () => {
    // What the policy stopped did not leave.
    const escaped = left.filter((each) => each.failure()?.errorText !== "csp").map((each) => each.url());
    assert.deepEqual(escaped, [], `${path} asks elsewhere`);
    assert.deepEqual(complaints, [], `${path} complains`);
    await page.close();
  };
  return { page, close, shoot: (name) => page.screenshot({ path: `${screenshots}/${name}.png` }) };
}

try {
  const docs = await open("/");
  assert.equal(new URL(docs.page.url()).pathname, "/docs");
  assert.match(await docs.page.title(), /Swagger UI/);
  await docs.page.locator(".opblock").nth(5).waitFor();
  await docs.shoot("docs");

  const create = docs.page.locator(".opblock-post").first();
  await create.locator(".opblock-summary-control").click();
  await create.getByRole("button", { name: "Try it out" }).click();
  await create.getByRole("button", { name: "Execute" }).click();
  const status = create.locator(".live-responses-table .response-col_status").last();
  await status.waitFor();
  assert.match(await status.innerText(), /^201/);
  const body = create.locator(".live-responses-table .response-col_description pre").first();
  assert.equal(JSON.parse(await body.innerText()).name, "Desk lamp");
  await status.scrollIntoViewIfNeeded();
  await docs.shoot("docs-try-it-out");
  await docs.close();

  const redoc = await open("/redoc");
  assert.match(await redoc.page.title(), /Redoc/);
  await redoc.page.getByRole("heading", { name: "Create Item" }).waitFor();
  await redoc.page.getByRole("searchbox").or(redoc.page.getByPlaceholder("Search...")).first().fill("delete");
  await redoc.page.locator("[data-role='search:results'] li").first().waitFor();
  await redoc.shoot("redoc");
  await redoc.close();
} finally {
  await browser.close();
}
console.log("/docs and /redoc render, and trying out POST /items/ gives 201");
