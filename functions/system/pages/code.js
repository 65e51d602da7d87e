// Code blocks: syntax colours, the server's address, and a copy button.

const TOKENS = /(\/\/[^\n]*)|("(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`)(\s*:)?|\b(\d+(?:\.\d+)?)\b|\b(const|let|await|async|new|import|from|return|if|for|of|true|false|null)\b/g;

export function highlighted(text) {
  const parts = document.createDocumentFragment();
  let end = 0;
  for (const found of text.matchAll(TOKENS)) {
    const [whole, comment, string, colon, number] = found;
    const kind = comment ? "c" : string ? (colon ? "k" : "s") : number ? "n" : "w";
    parts.append(text.slice(end, found.index));
    const span = document.createElement("span");
    span.className = kind;
    span.textContent = string ?? whole;
    parts.append(span, colon ?? "");
    end = found.index + whole.length;
  }
  parts.append(text.slice(end));
  return parts;
}

export function block(text) {
  const [pre, code] = [document.createElement("pre"), document.createElement("code")];
  code.append(highlighted(text));
  pre.append(code, copying(text));
  return pre;
}

function copying(text) {
  const button = document.createElement("button");
  button.className = "copy";
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return button;
}

for (const code of document.querySelectorAll("code[data-language]")) {
  const text = code.textContent.replaceAll("{origin}", location.origin);
  code.parentElement.replaceWith(block(text));
}
