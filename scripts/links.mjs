// Relative links in the project's Markdown: every one must lead to a file, and its anchor to a heading.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { root } from './setup.mjs';

const ELSEWHERE = new Set(['node_modules', 'dist', 'data', 'coverage', '.git']);

/** The links that lead nowhere, each as `file: target`. */
export function brokenLinks() {
  return markdownFiles(root).flatMap((file) =>
    targets(readFileSync(file, 'utf8'))
      .filter((target) => !leadsSomewhere(file, target))
      .map((target) => `${relative(root, file)}: ${target}`),
  );
}

function markdownFiles(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !ELSEWHERE.has(name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return markdownFiles(path);
      return entry.name.endsWith('.md') ? [path] : [];
    });
}

/** Targets of links and images outside of code, those with a scheme left out. */
function targets(markdown) {
  return [...withoutCode(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target).filter((target) => !/^[a-z]+:/i.test(target));
}

const withoutCode = (markdown) => markdown.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').replace(/`[^`\n]*`/g, '');

function leadsSomewhere(file, target) {
  const [path, anchor] = target.split('#');
  const destination = path ? resolve(dirname(file), decodeURIComponent(path)) : file;
  if (!existsSync(destination)) return false;
  if (!anchor || !destination.endsWith('.md') || statSync(destination).isDirectory()) return true;
  return anchors(readFileSync(destination, 'utf8')).has(anchor);
}

/** Anchors of a page's headings, as GitHub and most others make them. */
function anchors(markdown) {
  const headings = markdown.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').matchAll(/^#{1,6}\s+(.*)$/gm);
  return new Set([...headings].map(([, heading]) => slug(heading)));
}

const slug = (heading) =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
