"""Prints the size of the package and how it hangs together: `python tools/house.py [FOLDER]`.

Counts are of `zoobench/`: modules and lines, entries of its root, import edges (pairs of modules of which one imports
the other, however many names), modules with a single importer, circles, type names with more than one definition,
functions over 50 lines, and the names that the import contracts of pyproject.toml list.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "zoobench"
LONGEST = 50
GOALS = {
    "root entries": 14,
    "modules": 200,
    "import edges": 900,
    "names in contracts": 12,
    "type names with two meanings": 0,
    "functions over 50 lines": 0,
    "circles": 0,
}
Trees = dict[str, ast.Module]


def main(root: Path) -> None:
    """Print one row for each count, with its goal where it has one."""
    files = {_name(path.relative_to(root)): path for path in sorted((root / PACKAGE).rglob("*.py"))}
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in files.items()}
    edges = {(name, imported) for name, tree in trees.items() for imported in _imports(tree, trees) if imported != name}
    importers = Counter(imported for _, imported in edges)
    rows = {
        "root entries": len(_root_entries(root / PACKAGE)),
        "modules": len(files),
        "lines": sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files.values()),
        "import edges": len(edges),
        "modules with one importer": sum(count == 1 for count in importers.values()),
        "names in contracts": len(_contract_names(root / "pyproject.toml")),
        "type names with two meanings": len(_ambiguous_types(trees)),
        "functions over 50 lines": sum(_is_long(node) for tree in trees.values() for node in ast.walk(tree)),
        "circles": len(_circles(edges)),
    }
    for title, count in rows.items():
        goal = f"   goal {GOALS[title]}" if title in GOALS else ""
        print(f"{title:<30}{count:>8,}{goal}")
    for name, places in sorted(_ambiguous_types(trees).items()):
        print(f"  {name}: {', '.join(places)}")


def _name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _root_entries(package: Path) -> list[Path]:
    """Rooms and modules; the marker py.typed and caches are no entries."""
    return [path for path in package.iterdir() if path.suffix == ".py" or (path.is_dir() and path.name[0] not in "_.")]


def _imports(tree: ast.Module, known: Trees) -> Iterator[str]:
    """Modules of the package that a module imports, for type checkers alone included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == PACKAGE:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module


def _contract_names(path: Path) -> set[str]:
    """Distinct names of our modules in the import contracts."""
    contracts = tomllib.loads(path.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    texts = [text for contract in contracts for value in contract.values() if isinstance(value, list) for text in value]
    layers = {f"{PACKAGE}.{text}" for contract in contracts for text in contract.get("layers", ())}
    return layers | {text for text in texts if text.startswith(f"{PACKAGE}.") and "->" not in text}


def _ambiguous_types(trees: Trees) -> dict[str, list[str]]:
    """Public classes and type aliases by name, those that are defined in several modules."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for module, tree in trees.items():
        for name in _types(tree):
            places[name].append(module)
    return {name: modules for name, modules in places.items() if len(modules) > 1}


def _types(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            name = node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
        else:
            continue
        if name[0].isupper() and not name.isupper():
            yield name


def _is_long(node: ast.AST) -> bool:
    is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    return is_function and (node.end_lineno or node.lineno) - node.lineno >= LONGEST


def _circles(edges: set[tuple[str, str]]) -> list[set[str]]:
    """Groups of modules that import each other, directly or by way of others."""
    imported: defaultdict[str, set[str]] = defaultdict(set)
    for name, target in edges:
        imported[name].add(target)
    reached = {name: _reached(name, imported) for name in imported}
    circles: list[set[str]] = []
    for name, targets in reached.items():
        circle = {other for other in targets if name in reached.get(other, ())}
        if circle and circle not in circles:
            circles.append(circle)
    return circles


def _reached(start: str, imported: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for target in imported.get(waiting.pop(), ()):
            if target not in found:
                found.add(target)
                waiting.append(target)
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1])
