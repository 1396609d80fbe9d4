"""What programs import from the package today, they can import tomorrow."""

import importlib

import pytest

NAMES = {
    "data": """
        Dataset Split TIMEOUT data_root load logger make_store read_store store_workspace
        verify_store
    """,
    "training": """
        ADAM confusion_matrix evaluate fit logger make_schedule plot_confusion predict
        train_step unit_range worst_errors
    """,
    "exercises": """
        AnswerError Exercise Hints Layer Mistake Network NotAnswered Progress Result
        SameFunction SameValue Solution as_tensor build_network call combine compare diagnose
        is_close is_unanswered
    """,
    "grading": """
        Found Journal LIMITS Refused Settings Task answer_names code_cells feedback_html
        find_lesson find_submissions frequent_mistakes fresh grade_all grade_folder
        grade_notebook import_lesson lesson_names mark merge read_file read_submission rows
        summary_html write_csv write_reports
    """,
    "activations": """
        ACTIVATIONS dead_units plot_activation plot_activations plot_decision_regions
        saturated_fraction two_moons value_and_derivative
    """,
    "autograd": """
        Value layered_layout leaf_table matrix_rows numerical_gradient plot_graph
        topological_order trace
    """,
    "gradients": """
        LayerStats Residual chain chain_factors init_weights_ mlp plot_chain plot_gradient_norms
        watch_gradients
    """,
    "lenet": """
        LayerRow LeNet feature_maps layer_table plot_feature_maps
    """,
    "cifar10": """
        ConvNet augment plot_class_accuracy
    """,
    "checks.activations": """
        EXERCISES dead exponential exponential_slopes logistic one_more progress saturation
        smooth smooth_slopes straight straight_slopes tanh
    """,
    "checks.autograd": """
        EXERCISES bias engine far_from_the_output forward near_the_output one_entry progress
        third_path three_times
    """,
    "checks.gradients": """
        EXERCISES by_hand culprit depth explode progress thirty vanish
    """,
    "checks.lenet": """
        EXERCISES Pictures SameNetwork Trained compute_logits convolution_by_hand cross_entropy
        digits_to_judge_by end_mistakes find_real make_lenet map_sizes move other_network
        own_convolution parameter_counts progress read_shapes reading_the_loss relu_lenet
        shapes_of shifted_digits trained_lenet whole_number
    """,
    "checks.cifar10": """
        EXERCISES batch_normalisation channel_statistics colour_arithmetic colour_lenet
        confused_pair pictures_to_judge_by progress three_parts trained_network
    """,
    "explorers.activations": """
        ActivationExplorer PARAMETERS plot_saturation saturated_stretches
    """,
    "explorers.autograd": """
        GraphStepper agrees hint list_steps on_enter read_prediction trace_all
    """,
    "explorers.convolution": """
        ConvolutionMicroscope KERNELS convolve plot_convolution plot_numbers read_kernel
    """,
    "explorers.drawing": """
        DigitPad DigitReader SIDE centre_drawings draw_strokes keep_drawing load_drawings
        trained_lenet
    """,
    "explorers.gradients": """
        GradientExplorer MLP_ACTIVATIONS gradient_bounds measure_mlp plot_gradients_and_bounds
    """,
    "explorers.moons": "MoonsTrainer",
}


@pytest.mark.parametrize("module", NAMES)
def test_names_can_be_imported(module):
    home = importlib.import_module(f"nnlab_course.{module}")
    names = NAMES[module].split()
    assert names
    assert [name for name in names if not hasattr(home, name)] == []
    assert sorted(set(names) - set(home.__all__)) == []
