"""Cats and dogs: 25,000 photographs of many sizes, which the user fetches."""

from sweeplab.data.folder import ImageFolder


class CatsVsDogs(ImageFolder):
    """Photographs of one cat or one dog, half of them each.

    Source:
        Elson et al. 2007, "Asirra: a CAPTCHA that exploits interest-aligned manual image categorization".
    """

    inside = (".", "train", "PetImages")
    hint = (
        "unzip there train.zip of Kaggle's competition 'Dogs vs. Cats' (train/cat.0.jpg …), or Microsoft's "
        "'Kaggle Cats and Dogs Dataset' (PetImages/Cat/0.jpg …, which has a few corrupt files)"
    )
