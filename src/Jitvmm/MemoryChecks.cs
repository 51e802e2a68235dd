namespace Jitvmm;

/// <summary>How compiled code reaches guest memory.</summary>
public enum MemoryChecks
{
    /// <summary>Checked when the guest handles memory faults itself, direct otherwise: the default.</summary>
    Auto,

    /// <summary>Each access is checked in line; a fault finds the guest's registers exact.</summary>
    Checked,

    /// <summary>The host's page tables check; a fault ends the guest.</summary>
    Direct,
}
