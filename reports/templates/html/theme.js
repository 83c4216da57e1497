// Light or dark: the system's choice until the button is pressed, then the reader's, kept where storage allows.
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const kept = () => { try { return localStorage.getItem("cvp-theme"); } catch { return null; } };
  const keep = (theme) => { try { localStorage.setItem("cvp-theme", theme); } catch { /* a private window */ } };
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const show = () => {
    button.setAttribute("aria-pressed", String(dark()));
    button.textContent = dark() ? "Light" : "Dark";
  };
  if (["dark", "light"].includes(kept())) root.dataset.theme = kept();
  system.addEventListener("change", show);
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    keep(root.dataset.theme);
    show();
  });
  show();
})();
