// Exports: a file made here, handed to the browser.
function download(name, url) {
  element("a", { href: url, download: name }).click();
}

function downloadText(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  download(name, url);
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
