"""The tagger: parts of speech, features and lemmas."""
