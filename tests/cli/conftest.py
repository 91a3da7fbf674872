import json

import pytest

from hwcnn.cli import app


class Outcome:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        """The one JSON object on stdout."""
        return json.loads(self.out)


@pytest.fixture
def hwcnn(capsys, tmp_path, monkeypatch):
    """Runs the command line in an empty folder: ``hwcnn("generate", "--model", ...)`` gives an
    Outcome.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hwcnn.generator.lacks_vnni", lambda: False)  # whatever runs the tests

    def run(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            app.main([str(a) for a in arguments])
        captured = capsys.readouterr()
        return Outcome(end.value.code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def generated(tmp_path_factory):
    """A generated folder: digits on 8x8."""
    from hwcnn import artifact, generator

    out = tmp_path_factory.mktemp("generated") / "digits"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artifact, "LAST", out.with_name(".last"))
        generator.generate("digits", pe="8x8", out=out)
    return out
