namespace Jitvmm.Tests.Semantics;

/// <summary>Our x87 semantics against the host CPU, for a fixed slice of edge and random operands.</summary>
public sealed class X87DifferentialTests
{
    private const int Comparisons = 4000;
    private const ulong Seed = 87;

    public static TheoryData<string> Names()
    {
        TheoryData<string> names = [];
        foreach (X87Form form in X87Forms.All)
        {
            names.Add(form.Name);
        }

        return names;
    }

    [X64HostTheory]
    [MemberData(nameof(Names))]
    public void Agrees_with_the_host(string name)
    {
        X87Form form = Array.Find(X87Forms.All, candidate => candidate.Name == name)!;
        using X87Differential differential = new(form, Seed);
        for (int i = 0; i < Comparisons; i++)
        {
            string? difference = differential.Step();
            Assert.True(difference == null, $"seed {Seed}, comparison {i}: {difference}");
        }
    }
}
