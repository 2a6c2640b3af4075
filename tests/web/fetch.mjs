// fetch.mjs <url> <file>: downloads a JSON document.
import { writeFile } from "node:fs/promises";

const [url, file] = process.argv.slice(2);
const answer = await fetch(url);
if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
await writeFile(file, JSON.stringify(await answer.json(), null, 2));
