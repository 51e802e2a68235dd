namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>A hypercall, or a command of one whose first argument says which.</summary>
/// <param name="Number">Its number among its like.</param>
/// <param name="Feature">Without which it does not exist.</param>
/// <param name="Body">What it does.</param>
/// <param name="Name">What reports call a hypercall.</param>
internal sealed record XenCommand(uint Number, XenFeatures Feature, XenBody Body, string Name = "")
{
    public static long Perform(XenCommand[] commands, uint number, in XenCall call) =>
        Find(commands, call.Domain.Features, number) is { } command ? command.Body(call) : XenError.NotImplemented;

    /// <summary>Null: it does not exist.</summary>
    public static XenCommand? Find(XenCommand[] commands, XenFeatures features, uint number)
    {
        foreach (XenCommand command in commands)
        {
            if (command.Number == number)
            {
                return (command.Feature & ~features) == 0 ? command : null;
            }
        }

        return null;
    }
}
