"""The page “Heatmaps” with every method of the shelf: what is asked, what is said, what a link opens."""

from __future__ import annotations

import numpy as np
from pages import button, choice, panels, payload, told, visit

from dashboard.text import say
from explain import render

LAYER = "block4a_expand_activation"
LINK = f"{LAYER} (28×28×240)"


def test_a_method_of_pixels_needs_no_layer_and_the_layer_stays_chosen():
    at = visit("heatmaps", target=LINK)
    assert panels(at, "heat")[1]["shape"] == [28, 28]
    choice(at, "Method").select("gradient").run()
    assert not at.exception and not [each for each in at.selectbox if each.label == "Layer"]
    assert say("heatmaps.no_layer") in told(at) and panels(at, "heat")[1]["shape"] == [224, 224]
    choice(at, "Method").select("layercam").run()
    assert choice(at, "Layer").value == LAYER and panels(at, "heat")[1]["shape"] == [28, 28]
    choice(at, "Method").select("eigencam").run()
    assert not [each for each in at.selectbox if each.label == "Class"]
    assert say("heatmaps.no_class") in told(at) and panels(at, "heat")[1]["title"] == "Eigen-CAM"


def test_every_knob_of_the_shelf_is_drawn_and_linked():
    at = visit(
        "heatmaps", method="Occlusion", occlusion_patch="0.5", occlusion_stride="1", occlusion_fill="black"
    )
    assert not at.exception and not at.error
    header, found = payload(at, "heat_signed")[0], panels(at, "heat_signed")[1]
    assert found["signed"] and all(header["diverging"]) and found["limits"][0] == -found["limits"][1]
    assert at.number_input("occlusion_patch").value == 0.5 and at.selectbox("occlusion_fill").value == "black"
    at.toggle("occlusion_signed").set_value(False).run()
    assert not at.exception and panels(at, "heat")[1]["values"].min() == 0


def test_an_old_link_to_a_signed_map_and_a_pin_of_it():
    at = visit("heatmaps", signed="true", method="Grad-CAM")
    seen = panels(at, "heat_signed")[1]
    assert seen["signed"] and seen["limits"][0] == -seen["limits"][1]
    button(at, say("pin.button")).click().run()
    (pin,) = at.session_state["pins"]
    (panel,) = pin.view.panels
    np.testing.assert_allclose(panel.values, seen["values"], atol=1e-5)
    assert pin.view.colormap == "blue-red" and panel.limits == render.limits(panel.values, True)
    assert panel.recipe["options"] == {"signed": True}
