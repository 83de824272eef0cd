// @ts-check
/** How the chip looks. The colours are those of the extension's own pages (shared/theme.css). */

/* exported chipStyle */
const chipStyle = `
:host {
  all: initial !important;
  position: fixed !important;
  inset: auto 0 0 auto !important;
  display: block !important;
  z-index: 2147483647 !important;
  max-inline-size: 100vw !important;
  pointer-events: none !important;
  visibility: visible !important;
  color-scheme: light dark !important;
  --surface: #ffffff;
  --sunken: #ebefec;
  --ink: #16211b;
  --ink-soft: #52605a;
  --edge: #d6ddd8;
  --edge-strong: #7b8a82;
  --accent: #0f5c43;
  --accent-hover: #0b4a36;
  --on-accent: #ffffff;
  --warn: #8a5300;
  --bad: #b3261e;
  --shadow: 0 1px 2px rgb(16 32 24 / 10%), 0 8px 28px rgb(16 32 24 / 18%);
}
:host([dir='rtl']) {
  inset: auto auto 0 0 !important;
}
@media (prefers-color-scheme: dark) {
  :host {
    --surface: #18201c;
    --sunken: #0c110e;
    --ink: #e7eeea;
    --ink-soft: #a5b3ab;
    --edge: #2e3a34;
    --edge-strong: #76877e;
    --accent: #6ccba2;
    --accent-hover: #86dab5;
    --on-accent: #05261a;
    --warn: #e9b35f;
    --bad: #f2938b;
    --shadow: 0 0 0 1px rgb(0 0 0 / 40%), 0 8px 28px rgb(0 0 0 / 55%);
  }
}
*,
*::before,
*::after {
  box-sizing: border-box;
}
[hidden] {
  display: none !important;
}
.stack {
  display: flex;
  flex-direction: column;
  gap: 8px;
  align-items: flex-end;
  inline-size: 376px;
  max-inline-size: 100%;
  max-block-size: 100vh;
  overflow: hidden auto;
  padding: 16px;
  scrollbar-width: thin;
  font:
    400 14px/1.45 system-ui,
    -apple-system,
    'Segoe UI',
    Roboto,
    'Helvetica Neue',
    'Noto Sans',
    Arial,
    sans-serif;
  color: var(--ink);
}
.stack:has(.pictures) {
  inline-size: 492px;
}
.card {
  pointer-events: auto;
  inline-size: 100%;
  overflow: hidden;
  flex: none;
  background: var(--surface);
  border: 1px solid var(--edge);
  border-radius: 8px;
  box-shadow: var(--shadow);
  animation: rise 160ms ease-out;
}
.card:focus-visible,
button:focus-visible {
  outline: 2px solid var(--accent);
  outline-offset: 2px;
}
.head {
  display: flex;
  gap: 10px;
  align-items: flex-start;
  padding: 12px 8px 0 14px;
}
.mark {
  flex: none;
  inline-size: 20px;
  block-size: 20px;
  margin-block-start: 1px;
  color: var(--accent);
}
.card[data-tone='stuck'] .mark {
  color: var(--bad);
}
.card[data-tone='note'] .mark {
  color: var(--warn);
}
.title {
  flex: 1;
  margin: 0;
  font: inherit;
  font-weight: 600;
  text-wrap: balance;
  overflow-wrap: anywhere;
  padding-block: 1px;
}
.body {
  padding: 4px 14px 14px 44px;
}
:host([dir='rtl']) .head {
  padding: 12px 14px 0 8px;
}
:host([dir='rtl']) .body {
  padding: 4px 44px 14px 14px;
}
.line {
  margin: 2px 0 0;
  color: var(--ink-soft);
  font-size: 13px;
  overflow-wrap: anywhere;
}
.card[data-tone='stuck'] .line:first-child {
  color: var(--ink);
}
.bar {
  block-size: 4px;
  margin-block: 10px 2px;
  border-radius: 2px;
  background: var(--sunken);
  overflow: hidden;
}
.fill {
  block-size: 100%;
  border-radius: 2px;
  background: var(--accent);
  transition: inline-size 240ms ease-out;
}
.bar[data-endless] .fill {
  inline-size: 35% !important;
  animation: slide 1.4s ease-in-out infinite;
}
.buttons {
  display: flex;
  flex-wrap: wrap;
  gap: 8px;
  margin-block-start: 12px;
}
button {
  font: inherit;
  font-size: 13px;
  font-weight: 500;
  color: var(--ink);
  background: transparent;
  cursor: pointer;
  min-block-size: 30px;
  padding: 4px 12px;
  border: 1px solid var(--edge-strong);
  border-radius: 6px;
  text-align: center;
}
button:hover {
  background: var(--sunken);
}
button:disabled {
  cursor: default;
  color: var(--ink-soft);
}
button.main {
  background: var(--accent);
  border-color: var(--accent);
  color: var(--on-accent);
}
button.main:hover {
  background: var(--accent-hover);
  border-color: var(--accent-hover);
}
button.careful {
  border-color: transparent;
  color: var(--bad);
  text-decoration: underline;
  text-underline-offset: 3px;
  padding-inline: 2px;
  margin-inline-start: -3px; /* its words in line with the edges of the others */
}
.buttons + .buttons {
  margin-block-start: 4px;
}
button.icon {
  flex: none;
  min-block-size: 24px;
  inline-size: 24px;
  padding: 3px;
  border-color: transparent;
  color: var(--ink-soft);
}
button.icon svg {
  display: block;
  inline-size: 16px;
  block-size: 16px;
}
.photos {
  list-style: none;
  margin: 10px 0 0;
  padding: 0;
  max-block-size: 34vh;
  overflow: auto;
  border-block: 1px solid var(--edge);
}
.photos li {
  padding-block: 8px;
}
.photos li + li {
  border-block-start: 1px solid var(--edge);
}
.name {
  margin: 0;
  font-weight: 550;
  font-size: 13px;
  overflow-wrap: anywhere;
}
.photos .buttons {
  margin-block-start: 6px;
  gap: 6px;
}
.photos button {
  min-block-size: 26px;
  padding: 2px 8px;
  font-size: 12.5px;
}
.photos .buttons + .buttons {
  margin-block-start: 0;
}
.photos button.careful {
  padding-inline: 2px;
  margin-inline-start: 0; /* the list would clip it, and what is not fully in sight does not work */
}
.pictures {
  display: grid;
  grid-template-columns: 1fr 1fr;
  gap: 6px 8px;
  margin-block-start: 12px;
  max-block-size: 46vh;
  overflow: auto;
}
.pictures p {
  margin: 0;
  font-size: 12px;
  color: var(--ink-soft);
}
.pictures canvas {
  display: block;
  inline-size: 100%;
  block-size: auto;
  border-radius: 4px;
  background: var(--sunken);
}
.card[data-folded] {
  inline-size: auto;
  max-inline-size: 100%;
}
.card[data-folded] .body {
  display: none;
}
.card[data-folded] .head {
  padding-block-end: 10px;
  align-items: center;
}
.said {
  position: absolute;
  inline-size: 1px;
  block-size: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}
@keyframes rise {
  from {
    transform: translateY(8px);
  }
}
@keyframes slide {
  from {
    transform: translateX(-100%);
  }
  to {
    transform: translateX(290%);
  }
}
@media (prefers-reduced-motion: reduce) {
  .card {
    animation: none;
  }
  .fill {
    transition: none;
  }
  .bar[data-endless] .fill {
    animation-duration: 6s;
    animation-timing-function: steps(12);
  }
}
@media (forced-colors: active) {
  .card {
    border-color: CanvasText;
  }
  .bar {
    border: 1px solid CanvasText;
    block-size: 6px;
  }
  .fill {
    background: Highlight;
    forced-color-adjust: none;
  }
  button.careful {
    border-color: ButtonBorder;
  }
  button.main {
    background: Highlight;
    color: HighlightText;
    forced-color-adjust: none;
  }
}
`;
