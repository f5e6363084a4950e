import wordcount

WORDS = "one two two three".split()


def test_shares():
    shares = wordcount.shares(WORDS)
    assert shares == {"one": 0.25, "two": 0.5, "three": 0.25}


def test_longest():
    assert wordcount.longest(WORDS) == "three"
