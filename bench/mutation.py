"""Small changes of Python text that describes hardware: where they can be made, and the text with
one of them made.
"""

import ast
import copy
import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise, zip_longest

ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add}
LOGIC = {ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd}
COMPARISON = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
#: Calls whose numbers are widths: one bit more changes nothing, so these only shrink.
WIDTHS = {"Signal", "signed", "unsigned", "In", "Out", "StructLayout", "Const"}


@dataclass(frozen=True)
class Mutation:
    """One change of a file.

    file : path below the folder that is changed. operator : its kind. where : the function.
    line : in the file. before, after : the text that changes, and its place in bytes. id : see
    `mutations`.
    """

    file: str
    operator: str
    where: str
    line: int
    before: str
    after: str
    span: tuple[int, int]
    id: str

    def __str__(self) -> str:
        return (
            f"{self.id:26} {self.file} {self.where}:{self.line}  {self.before!r} -> {self.after!r}"
        )

    def apply(self, text: str) -> str:
        """The file's text, changed."""
        data, (begin, end) = text.encode(), self.span
        return (data[:begin] + self.after.encode() + data[end:]).decode()


def mutations(file: str, text: str) -> list[Mutation]:
    """All changes of `text`, the content of `file`, in the order of the text.

    An id is the name of the class (or function, outside of classes) and a hash of what changes: the
    operator, the assignment or condition around it, before and after, all as `ast.unparse` writes
    them, and which of several alike. So it stays the same when a file is formatted anew, moves, or
    changes elsewhere, and when statements move between the functions of a class.
    """
    data, starts = text.encode(), [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found, seen = [], Counter()
    for where, node, around, operator, after in _Finder(ast.parse(text)).found:
        scope = where.split(".")[0]
        span = (
            starts[node.lineno - 1] + node.col_offset,
            starts[node.end_lineno - 1] + node.end_col_offset,
        )
        key = (scope, operator, around, ast.unparse(node), after)
        seen[key] += 1
        digest = hashlib.sha256(repr((key, seen[key])).encode()).hexdigest()[:8]
        before = data[slice(*span)].decode()
        found.append(
            Mutation(file, operator, where, node.lineno, before, after, span, f"{scope}-{digest}")
        )
    return found


def sample(found: list[Mutation], count: int, seed: str) -> list[Mutation]:
    """`count` of the changes or all, in an order that only ids and the seed decide: an operator
    after another, each equally often, then one of its changes.
    """

    def rank(name: str) -> str:
        return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()

    by_operator = defaultdict(list)
    for mutation in sorted(found, key=lambda m: rank(m.id)):
        by_operator[mutation.operator].append(mutation)
    groups = [by_operator[operator] for operator in sorted(by_operator, key=rank)]
    turns = zip_longest(*groups)
    return [mutation for turn in turns for mutation in turn if mutation is not None][:count]


class _Finder(ast.NodeVisitor):
    """Collects (function, node, assignment or statement around it, operator, text in place of the
    node).
    """

    def __init__(self, tree):
        self.found, self._names, self._around = [], [], [""]
        self._width = self._component = False
        self.visit(tree)

    def visit(self, node):
        own = _is_assignment(node) or isinstance(node, (ast.Assign, ast.Return, ast.withitem))
        if own:
            self._around.append(ast.unparse(node))
        super().visit(node)
        if own:
            self._around.pop()

    def _add(self, node, operator, after):
        if self._names and not (self._component and self._names[-1] == "__init__"):
            around = self._around[-1]
            self.found.append((".".join(self._names), node, around, operator, after))

    def _changed(self, node, operator, **fields):
        changed = copy.copy(node)
        for name, value in fields.items():
            setattr(changed, name, value)
        self._add(node, operator, f"({ast.unparse(changed)})")

    def visit_ClassDef(self, node):
        self._names.append(node.name)
        # a component's constructor has only ports
        self._component = any("Component" in ast.unparse(base) for base in node.bases)
        for item in node.body:
            self.visit(item)
        self._names.pop()

    def visit_FunctionDef(self, node):
        self._names.append(node.name)
        for item in node.body:
            self.visit(item)
        self._names.pop()

    def visit_Raise(self, node):
        pass

    def visit_JoinedStr(self, node):
        pass

    def visit_Import(self, node):
        pass

    def visit_BinOp(self, node):
        for operator, table in (("arithmetic", ARITHMETIC), ("logic", LOGIC)):
            if type(node.op) in table and not isinstance(node.left, (ast.Dict, ast.List)):
                self._changed(node, operator, op=table[type(node.op)]())
        if isinstance(node.op, ast.Sub):
            self._changed(node, "swap", left=node.right, right=node.left)
        self.generic_visit(node)

    def visit_Compare(self, node):
        if type(node.ops[0]) in COMPARISON:
            self._changed(node, "comparison", ops=[COMPARISON[type(node.ops[0])]()])
        self.generic_visit(node)

    def visit_UnaryOp(self, node):
        if isinstance(node.op, ast.Invert):
            self._add(node, "inversion", f"({ast.unparse(node.operand)})")
        if not isinstance(node.op, ast.USub):
            self.generic_visit(node)

    def visit_Constant(self, node):
        if type(node.value) is int:
            self._add(node, "constant", str(node.value - 1))
            if not self._width:
                self._add(node, "constant", str(node.value + 1))

    def visit_Subscript(self, node):
        index = node.slice
        if (
            isinstance(index, ast.UnaryOp)
            and isinstance(index.op, ast.USub)
            and isinstance(index.operand, ast.Constant)
        ):
            for value in (str(index.operand.value), "0", str(-index.operand.value - 1)):
                self._add(index, "index", value)
            self.visit(node.value)
        else:
            self.generic_visit(node)

    def visit_keyword(self, node):
        if node.arg != "name":
            self.generic_visit(node)

    def visit_With(self, node):
        for item in node.items:
            call = item.context_expr
            if isinstance(call, ast.Call) and _called(call) in ("If", "Elif"):
                self._add(call.args[0], "condition", f"~({ast.unparse(call.args[0])})")
                self._add(call.args[0], "condition", "1")
        self.generic_visit(node)

    def visit_List(self, node):
        """A statement of a list left out; the sources of two neighbours exchanged."""
        for statement in node.elts:
            if _is_assignment(statement):
                self._add(statement, "statement", "[]")
        for one, two in pairwise(node.elts):
            if (
                _is_assignment(one)
                and _is_assignment(two)
                and not isinstance(one.args[0], ast.Constant)
            ):
                self._add(one.args[0], "source", ast.unparse(two.args[0]))
        self.generic_visit(node)

    def visit_AugAssign(self, node):
        if _is_assignment(node.value):
            self._add(node.value, "statement", "[]")
        self.generic_visit(node)

    def visit_Call(self, node):
        name = _called(node)
        if name == "Mux":
            self._changed(node, "swap", args=[node.args[0], node.args[2], node.args[1]])
        if name in ("any", "all") and isinstance(node.func, ast.Attribute):
            self._changed(
                node,
                "logic",
                func=ast.Attribute(node.func.value, "all" if name == "any" else "any", ast.Load()),
            )
        before, self._width = self._width, name in WIDTHS
        self.generic_visit(node)
        self._width = before


def _called(call):
    return (
        call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", None)
    )


def _is_assignment(node):
    return (
        isinstance(node, ast.Call)
        and _called(node) == "eq"
        and isinstance(node.func, ast.Attribute)
    )
