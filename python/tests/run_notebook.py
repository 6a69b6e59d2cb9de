"""Runs the code cells of a notebook in order, in one namespace, and prints what each shows; jupyter is not needed."""

import ast
import json
import sys
import traceback


def run(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        notebook = json.load(file)
    namespace = {"__name__": "__main__"}
    for number, cell in enumerate(notebook["cells"], 1):
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        tree = ast.parse(source, f"{path}, cell {number}")
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, f"{path}, cell {number}", "exec"), namespace)
        if last is not None:
            shown = eval(compile(ast.Expression(last.value), f"{path}, cell {number}", "eval"), namespace)
            if shown is not None:
                print(repr(shown))


if __name__ == "__main__":
    try:
        run(sys.argv[1])
    except Exception:
        traceback.print_exc()
        sys.exit(1)
