"""Small changes of Python text that describes hardware: where they can be made, and the text with
one of them made.
"""

import ast
import copy
import hashlib
import random
from collections import defaultdict
from dataclasses import dataclass

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
    """One change of a file. operator : its kind. where : the function. line : in the file. before,
    after : the text that changes, and its place in bytes. id : stays the same while the line does.
    """

    file: str
    operator: str
    where: str
    line: int
    before: str
    after: str
    span: tuple
    id: str

    def __str__(self):
        return f"{self.id:22} {self.where}:{self.line}  {self.before!r} -> {self.after!r}"

    def apply(self, text):
        """The file's text, changed."""
        data, (begin, end) = text.encode(), self.span
        return (data[:begin] + self.after.encode() + data[end:]).decode()


def mutations(file, text):
    """All changes of `text`, the content of `file`, in the order of the text."""
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found, seen = [], defaultdict(int)
    for where, node, operator, after in _Finder(ast.parse(text)).found:
        span = (
            starts[node.lineno - 1] + node.col_offset,
            starts[node.end_lineno - 1] + node.end_col_offset,
        )
        before = text.encode()[slice(*span)].decode()
        line = text.splitlines()[node.lineno - 1].strip()
        key = (file, where, operator, line, before, after)
        seen[key] += 1
        name = hashlib.sha256(repr((key, seen[key])).encode()).hexdigest()[:8]
        found.append(
            Mutation(
                file,
                operator,
                where,
                node.lineno,
                before,
                after,
                span,
                f"{file.removesuffix('.py')}-{name}",
            )
        )
    return found


def sample(found, count, seed):
    """`count` of the changes or all, in random order: an operator first, each equally often, then
    one of its changes.
    """
    generator = random.Random(seed)
    by_operator = defaultdict(list)
    for mutation in found:
        by_operator[mutation.operator].append(mutation)
    for group in by_operator.values():
        generator.shuffle(group)
    chosen = []
    while by_operator and len(chosen) < count:
        for operator in generator.sample(sorted(by_operator), len(by_operator)):
            chosen.append(by_operator[operator].pop())
            if not by_operator[operator]:
                del by_operator[operator]
    return chosen[:count]


class _Finder(ast.NodeVisitor):
    """Collects (function, node, operator, text in place of the node)."""

    def __init__(self, tree):
        self.found, self._names, self._width = [], [], False
        self.visit(tree)

    def _add(self, node, operator, after):
        if self._names and self._names[-1] != "__init__":  # there are only ports
            self.found.append((".".join(self._names), node, operator, after))

    def _changed(self, node, operator, **fields):
        changed = copy.copy(node)
        for name, value in fields.items():
            setattr(changed, name, value)
        self._add(node, operator, f"({ast.unparse(changed)})")

    def visit_ClassDef(self, node):
        self._names.append(node.name)
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
        for one, two in zip(node.elts, node.elts[1:]):
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
