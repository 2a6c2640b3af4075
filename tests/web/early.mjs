// early.mjs <url>: a client that still sends its body gets the answer to it, whatever the size.
const [url] = process.argv.slice(2);
for (const size of [2e6, 2e7, 1e8]) {
  for (const body of ["x".repeat(size), chunks(size)]) {
    const answer = await fetch(`${url}items/`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      duplex: "half",
    });
    if (answer.status !== 413) throw new Error(`${size} bytes: ${answer.status}`);
    await answer.json();
  }
}

function chunks(size) {
  let left = size;
  const chunk = new Uint8Array(65536);
  return new ReadableStream({
    pull(to) {
      left -= chunk.length;
      to.enqueue(chunk);
      if (left <= 0) to.close();
    },
  });
}
