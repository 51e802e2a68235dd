namespace Jitvmm.Inspector.Reports;

/// <summary>A form that guest code has on its way to the host.</summary>
public enum CodeForm
{
    /// <summary>The intermediate representation, as lifted and behind each pass.</summary>
    Ir,

    /// <summary>What RyuJIT is given.</summary>
    Il,

    /// <summary>What RyuJIT made of that.</summary>
    Host,
}
