namespace Jitvmm.Cli;

/// <summary>Exit codes of the VMM itself, those of env(1); any other is the guest's.</summary>
internal static class ExitCodes
{
    public const int Success = 0;

    /// <summary><c>jitvmm cache verify</c> found what does not hold.</summary>
    public const int VerificationFailed = 1;

    /// <summary>A machine guest crashed: triple fault.</summary>
    public const int GuestCrashed = 124;

    /// <summary>The VMM failed or was asked for something it does not know.</summary>
    public const int VmmError = 125;

    /// <summary>The program is there and cannot be executed.</summary>
    public const int CannotExecute = 126;

    /// <summary>There is no such program.</summary>
    public const int NotFound = 127;
}
