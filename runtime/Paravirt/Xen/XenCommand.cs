namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>A command of a hypercall whose first argument says which.</summary>
internal sealed record XenCommand(uint Number, XenFeatures Feature, XenBody Body)
{
    public static long Perform(XenCommand[] commands, uint number, in XenCall call)
    {
        foreach (XenCommand command in commands)
        {
            if (command.Number == number)
            {
                return (command.Feature & ~call.Domain.Features) == 0 ? command.Body(call) : XenError.NotImplemented;
            }
        }

        return XenError.NotImplemented;
    }
}
