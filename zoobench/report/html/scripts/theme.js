// Light or dark: what the reader chose last, or else what the system prefers.
(() => {
  const KEY = "zoobench-theme";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // a browser that keeps nothing for files
    }
  }

  function keep(theme) {
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // it lasts as long as the page
    }
  }

  function show() {
    root.classList.toggle("dark", (chosen() ?? (system.matches ? "dark" : "light")) === "dark");
    document.dispatchEvent(new Event("theme"));
  }

  function label(button) {
    button.textContent = root.classList.contains("dark") ? "Light" : "Dark";
  }

  show();
  system.addEventListener("change", show);
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    button.hidden = false;
    label(button);
    document.addEventListener("theme", () => label(button));
    button.addEventListener("click", () => {
      const theme = root.classList.contains("dark") ? "light" : "dark";
      keep(theme);
      root.classList.toggle("dark", theme === "dark");
      document.dispatchEvent(new Event("theme"));
    });
  });
})();
