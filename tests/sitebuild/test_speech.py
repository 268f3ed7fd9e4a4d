"""What a screen reader says of the book's formulas: the words of a lecturer."""

import html
import re

import pytest

from sitebuild.formulas import FormulaError, typeset

WORDS = [
    (r"\R{X}", "X"),
    (r"n'", "n prime"),
    (r"\rho", "rho"),
    (r"t^*", "t star"),
    (r"n^2", "n squared"),
    (r"\sigma^3", "sigma cubed"),
    (r"[n]", "bracket n"),
    (r"\E", "the expectation of"),
    (r"\hat{V}(t)", "V hat of t"),
    (r"\bar{\R{W}}", "W bar"),
    (r"\tilde P", "P tilde"),
    (r"I(\R{X}\wedge\R{Y})", "I of X and Y"),
    (r"I(\R{X}\wedge\R{Y}\mid\R{Z})=0", "I of X and Y given Z, equals 0"),
    (r"I(\R{X}\wedge(\R{Y},\R{Z}))", "I of X and the pair Y, Z"),
    (r"I(f(\R{X})\wedge g(\R{Y}))", "I of f of X, and g of Y"),
    (r"\KL{P}{Q}", "D of P from Q"),
    (r"\KL{P_{\R{Z}}}{P_{\R{Z}'}}", "D of P Z from P sub Z prime"),
    (r"\KL{P_{\R{X}\R{Y}}}{P_{\R{X}}\times P_{\R{Y}}}", "D of P sub X Y, from P X times P Y"),
    (r"\KL{\normal(m, S)}{\normal(0, I_d)}", "D of the normal law of m, S, from the normal law of 0, I d"),
    (r"D_f(P_{\R{Z}}\,\|\,P_{\R{Z}'})", "D f of P Z from P sub Z prime"),
    (r"\KL{P_{\R{V}|\R{U}=u}}{Q_{\R{V}|\R{U}=u}}", "D of P sub V given U equals u, from Q sub V given U equals u"),
    (r"\E[t(\R{Z})]", "the expectation of t of Z"),
    (r"\E[e^{t(\R{Z}')}]", "the expectation of e to the t of Z prime"),
    (r"\E|t(\R{Z})| < \infty", "the expectation of the size of t of Z, end size, is less than infinity"),
    (r"\E[r(\R{Z}')]=1", "the expectation of r of Z prime, equals 1"),
    (r"\E_P|t^*|<\infty", "the expectation under P, of the size of t star end size, is less than infinity"),
    (r"\E_Q[t]", "the expectation under Q, of t"),
    (r"\E[r(\R{Z}')^2]", "the expectation of r of Z prime, all squared"),
    (r"\E t-\E e^{t'}", "the expectation of t minus the expectation of e to the t prime"),
    (r"\E\R{X}\R{Y}", "the expectation of X Y"),
    (r"\E\sup_\theta\hat J_n(\theta)", "the expectation of the supremum over theta, of J hat n of theta"),
    (r"\Var i(\R{X};\R{Y})<\infty", "the variance of i of X; Y, is less than infinity"),
    (r"\Var\R{E}", "the variance of E"),
    (r"\Var(\R{U}^2)", "the variance of U squared"),
    (r"\Cov(\R{E},\R{G})", "the covariance of E, G"),
    (r"\Cov(f(\R{X}'_1),g(\R{Y}'_2))", "the covariance of f of X prime 1, g of Y prime 2"),
    (r"\avg t-\avg t'", "the average of t minus the average of t prime"),
    (r"\avg_{i\in[n]} t(\R{Z}_i)", "the average over i in bracket n, of t of Z i"),
    (r"\log\avg e^{t'}", "log the average of e to the t prime"),
    (r"\log \avg_{j\in[n']} e^{t(\R{Z}'_j)}", "log the average over j in bracket n prime, of e to the t of Z prime j"),
    (r"\avg_{j\in[n]} i(\R{X}_j;\R{Y}_j)", "the average over j in bracket n, of i of X j; Y j"),
    (r"\lme_{i\in[n]}", "the log mean exp over i in bracket n, of"),
    (r"\sg(m)", "stop gradient of m"),
    (r"\sup_{t \in \mc{T}} V(t)", "the supremum over t in T, of V of t"),
    (r"\sup_{Q} \E[t]", "the supremum over Q, of the expectation of t"),
    (r"\max_{a > 0} V_a(t) = V(t)", "the maximum over a is greater than 0, of V a of t, equals V of t"),
    (r"\min_j x'_jy'_j", "the minimum over j, of x prime j y prime j"),
    (
        r"\inf_{G,H}\;\sup_{t}\; \E[t]",
        "the infimum over G, H, of the supremum over t, of the expectation of t",
    ),
    (r"P_{\R{X}\R{Y}}\ll P_{\R{X}}\times P_{\R{Y}}", "P sub X Y, is dominated by P X times P Y"),
    (r"P_{\R{X}\R{Y}}\not\ll P_{\R{X}}\times P_{\R{Y}}", "P sub X Y, is not dominated by P X times P Y"),
    (r"dP_{\R{Z}}/dP_{\R{Z}'}", "d P Z over d P sub Z prime"),
    (r"\frac{dP_{\R{Z}}}{dP_{\R{Z}'}}(\R{Z})", "the fraction d P Z, over d P sub Z prime, end fraction, at Z"),
    (r"p_{\R{X}\R{Y}}(x,y)", "p sub X Y, of x, y"),
    (r"P_{\R{Z}'}(A) = 0", "P sub Z prime, of A, equals 0"),
    (r"Q = P_{\R{Z}}", "Q equals P Z"),
    (r"e^t", "e to the t"),
    (r"e^{t - c}", "e to the t minus c"),
    (r"e^{t(\R{Z}')}", "e to the t of Z prime"),
    (r"e^{w\R{X}'\R{Y}'}", "e to the w X prime Y prime"),
    (r"e^{2I}-1", "e to the 2 I, minus 1"),
    (r"\frac12", "one half"),
    (r"\frac{5}{2n}", "5 over 2 n"),
    (r"\frac{\mu^2}{2}", "mu squared over 2"),
    (r"\frac1{n'}", "1 over n prime"),
    (r"\frac{1-\beta}{1+\beta}", "the fraction 1 minus beta, over 1 plus beta, end fraction"),
    (r"\frac{\nabla L'}{L'}", "the fraction gradient of L prime, over L prime, end fraction"),
    (r"\nabla\bigl(L+\log L'\bigr)", "gradient of the quantity L plus log L prime"),
    (r"1/\sqrt n", "1 over the root of n"),
    (r"\sqrt{1-\rho^2}", "the root of 1 minus rho squared, end root"),
    (
        r"\sqrt{\frac{\log(2/\delta)}{2n}}",
        "the root of the fraction log of 2 over delta, over 2 n, end fraction, end root",
    ),
    (r"-\frac12\log(1-\rho^2)", "minus one half log of 1 minus rho squared"),
    (r"\log b", "log b"),
    (r"\log\frac{p}{q}", "log p over q"),
    (r"\log r(\R{X},\R{Y})", "log r of X, Y"),
    (r"n(n-1)", "n times the quantity n minus 1"),
    (r"c\,(u-1)", "c times the quantity u minus 1"),
    (r"(1-\beta)\beta^k", "the quantity 1 minus beta, beta to the k"),
    (r"(1-w^2)^{-1/2}", "the quantity 1 minus w squared, all to the minus 1 over 2"),
    (r"[n]^2", "bracket n, all squared"),
    (r"(j,k)\in[n]^2", "the pair j, k, in bracket n, all squared"),
    (r"(\R{X},\R{Y})", "the pair X, Y"),
    (r"(\R{X},\R{Y},\R{Z})", "the triple X, Y, Z"),
    (r"(\R{X}_1,\R{Y}_1),\dots,(\R{X}_n,\R{Y}_n)", "the pair X 1, Y 1, and so on to, the pair X n, Y n"),
    (r"\R{J}_1,\dots,\R{J}_{n'}", "J 1, and so on to, J sub n prime"),
    (r"[0,\infty]", "the interval 0, infinity"),
    (r"\rho\in(-1,1)", "rho in the open interval minus 1, 1"),
    (r"\beta\to 1", "beta to 1"),
    (r"x\mapsto\Phi^{-1}(F(x))", "x maps to capital phi to the minus 1, of F of x"),
    (r"j\neq k", "j is not equal to k"),
    (r"\hat I_n", "I hat n"),
    (r"\hat V(t) := V(t)", "V hat of t, is defined as V of t"),
    (r"\{1,\dots,n\}", "the set of 1, and so on to, n"),
    (r"|A|", "the size of A end size"),
    (r"|A|^2", "the size of A end size, squared"),
    (r"\|P_k-P\|\to0", "the norm of P k minus P end norm, to 0"),
    (r"\|m\|^2", "the norm of m end norm, squared"),
    (r"0<\lvert\rho\rvert<1", "0 is less than the size of rho end size, is less than 1"),
    (r"\lfloor n/2\rfloor", "the floor of n over 2 end floor"),
    (r"n!/e", "n factorial over e"),
    (r"\int e^{t}\,dM_n", "the integral of e to the t d M n"),
    (r"\int_0^\infty e^{-s}\, ds", "the integral from 0, to infinity, of e to the minus s, d s"),
    (r"\sum_{j\in[n']} p_j", "the sum over j in bracket n prime, of p j"),
    (r"\frac1k\sum_{i=0}^{k-1}\ell_i(t)", "1 over k the sum from i equals 0, to k minus 1, of ell i of t"),
    (r"\ell''(\hat w)", "ell double prime of w hat"),
    (r"w_{j+1}", "w sub j plus 1"),
    (r"\R{X}'_i", "X prime i"),
    (r"\theta\in\Theta", "theta in capital theta"),
    (r"t:\mc{X}\times\mc{Y}\to\reals", "t: X times Y to the reals"),
    (r"w^{*2}", "w star, to the 2"),
    (r"z^\top S^{-1} z", "z transpose S to the minus 1, z"),
    (r"t_k^+", "t k plus"),
    (r"\Pr(\R{W}\leq\tfrac12)", "the probability of W is at most one half"),
    (r"g(x,\cdot)", "g of x, dot"),
    (r"\begin{cases}u & u > 0,\\ 0 & u \le 0.\end{cases}", "in cases: u, u is greater than 0; 0, u is at most 0."),
    (r"\underbrace{a+b}_{\text{bias}}", "a plus b, labelled bias"),
    (r"\R{C}=c(\R{Y})", "C equals c times the quantity Y"),
    (r"\bigl(\E\delta^8\bigr)^{3/8}", "the quantity the expectation of delta to the 8, all to the 3 over 8"),
]


def words(tex: str, display: bool = False) -> str:
    return html.unescape(re.search(r'<math [^>]*aria-label="([^"]*)"', typeset(tex, display))[1])


@pytest.mark.parametrize(("tex", "said"), WORDS)
def test_formula_is_read_as_a_lecturer_says_it(tex, said):
    assert words(tex) == said


def test_table_of_words_has_a_hundred_formulas():
    assert len(dict(WORDS)) == len(WORDS) >= 100


def test_every_line_of_a_display_is_read():
    said = words(r"\begin{aligned} a &= b \\ &\quad + c \end{aligned}", display=True)
    assert said == "a equals b; plus c"


def test_display_of_one_line_may_break_and_one_of_two_stays_aligned():
    assert "mtable" not in typeset(r"\begin{aligned} a &= b \end{aligned}", display=True)
    assert "mtable" in typeset(r"\begin{aligned} a &= b \\ c &= d \end{aligned}", display=True)


def test_formula_carries_its_tex_without_the_macros_of_the_book():
    assert r"I(\mathsf{X}\wedge \mathsf{Y})" in re.sub(r"\\wedge ?", r"\\wedge ", typeset(r"I(\R{X}\wedge\R{Y})"))


def test_wrong_formula_says_what_is_wrong():
    with pytest.raises(FormulaError, match="Undefined control sequence"):
        typeset(r"\nothing")
