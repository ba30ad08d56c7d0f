// Text into the clipboard. Pages that come neither over HTTPS nor from this machine have no clipboard of their own.

const SHOWN_MS = 1500;

// field: where the text can be seen and selected, if there is such a place.
export async function copy(text, button, field = null) {
  const done = await written(text, field);
  document.getElementById("said").textContent = done ? "Copied." : "Selected: copy it with the keyboard.";
  if (!done) return;
  const before = button.textContent;
  if (before === "Copied") return;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = before), SHOWN_MS);
}

async function written(text, field) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return selected(text, field);
  }
}

function selected(text, field) {
  const place = field ?? document.body.appendChild(document.createElement("textarea"));
  if (!field) place.value = text;
  place.select();
  const done = document.execCommand("copy");
  if (!field) place.remove();
  return done;
}
