// Light, dark, or as the system has it: kept for all pages. Not a module, so that no page shows the other one first.
{
  const NAME = 'facelabel:theme';
  const NEXT = { auto: 'light', light: 'dark', dark: 'auto' };
  const root = document.documentElement;
  root.dataset.theme = localStorage.getItem(NAME) ?? 'auto';

  addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('theme');
    const render = () => {
      button.textContent = { auto: 'Auto', light: 'Light', dark: 'Dark' }[root.dataset.theme];
      button.setAttribute('aria-label', `Colours: ${root.dataset.theme}. Change to ${NEXT[root.dataset.theme]}`);
    };
    button.addEventListener('click', () => {
      root.dataset.theme = NEXT[root.dataset.theme];
      localStorage.setItem(NAME, root.dataset.theme);
      render();
    });
    render();
  });
}
