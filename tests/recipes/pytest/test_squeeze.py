from squeeze import squeeze


def test_runs():
    assert squeeze(b"aaab") == b"a3b1"


def test_no_runs():
    text = bytes(range(65, 97))
    assert len(squeeze(text)) == 64
