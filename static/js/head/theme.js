// Light, dark, or as the system has it: kept for all pages. Not a module, so that no page shows the other one first.
{
  const NAME = 'facelabel:theme';
  const NEXT = { auto: 'light', light: 'dark', dark: 'auto' };
  const root = document.documentElement;
  const chosen = () => /** @type {'auto'|'light'|'dark'} */ (root.dataset.theme);
  root.dataset.theme = localStorage.getItem(NAME) ?? 'auto';

  addEventListener('DOMContentLoaded', () => {
    const button = /** @type {HTMLElement} */ (document.getElementById('theme'));
    const render = () => {
      button.textContent = { auto: 'Theme', light: 'Light', dark: 'Dark' }[chosen()];
      button.setAttribute('aria-label', `Colours: ${chosen()}. Change to ${NEXT[chosen()]}`);
    };
    button.addEventListener('click', () => {
      root.dataset.theme = NEXT[chosen()];
      localStorage.setItem(NAME, chosen());
      render();
    });
    render();
  });
}
