namespace Jitvmm;

/// <summary>A machine cannot be built as asked; the message is one line for the user. Nothing ran.</summary>
public sealed class MachineGuestException : Exception
{
    public MachineGuestException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }
}
