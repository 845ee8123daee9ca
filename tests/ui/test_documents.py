from icicore.ui.documents import shown_card


def test_a_card_fetches_no_picture_and_its_intervals_stay_on_one_line():
    shown = shown_card("![scan](http://elsewhere/a.png) <img src=x> | 0.862 (0.795-0.913) | 2020-01-02 (x-ray)")
    assert "![" not in shown
    assert "<" not in shown
    assert "0.862 (0.795\u2060–\u20600.913)" in shown
    assert "2020-01-02 (x-ray)" in shown
